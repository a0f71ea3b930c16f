//! The only floor with glommio, sockets, clocks and async.
