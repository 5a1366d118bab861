//! The gateway as its callers and providers meet it: over real sockets, with millisecond deadlines.

#[cfg(test)]
mod binary;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod table;
#[cfg(test)]
mod wall;
#[cfg(test)]
mod wire;
#[cfg(test)]
mod world;
