//! A connection's socket as the HTTP library has it. Whoever takes it over from there knows by [`Wire::unsent`] whether something of an earlier
//! answer is still in the library's hands.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// The socket.
pub struct Wire {
    stream: TokioIo<TcpStream>,
    unsent: Arc<AtomicBool>,
}

impl Wire {
    /// Around a socket.
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream: TokioIo::new(stream), unsent: Arc::default() }
    }

    /// Whether the kernel took less than it was given: the library writes until it took all or no more.
    pub fn unsent(&self) -> Arc<AtomicBool> {
        self.unsent.clone()
    }

    /// The socket itself.
    pub fn into_inner(self) -> TcpStream {
        self.stream.into_inner()
    }

    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        self.unsent.store(written.is_pending(), Ordering::Relaxed);
        written
    }
}

impl Read for Wire {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Wire {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
