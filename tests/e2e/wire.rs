//! Sentence by sentence, what the gateway promises on the wire.

mod breakers;
mod bytes;
mod credentials;
mod crossing;
mod crowded;
mod destination;
mod document;
mod ended;
mod endpoints;
mod held;
mod holes;
mod input;
mod kept;
mod large;
mod leaving;
mod patience;
mod records;
mod thought;
mod waits;
mod watched;
mod watching;
mod words;
