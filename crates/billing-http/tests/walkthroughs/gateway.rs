//! A gateway that is down, then ill, then well: it stands before a sandbox.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpSocket, TcpStream},
};

/// An address that is ours, at which nobody listens yet.
pub(crate) struct Down {
    socket: TcpSocket,
    pub(crate) url: String,
}

/// A gateway that answers.
pub(crate) struct Up {
    well: Arc<AtomicBool>,
    failed: Arc<AtomicUsize>,
}

impl Down {
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        Self { socket, url }
    }

    /// From now on it answers 500, until it is well.
    pub(crate) fn come_up(self, sandbox: &str) -> Up {
        let listener = self.socket.listen(64).unwrap();
        let sandbox = sandbox.strip_prefix("http://").unwrap().to_owned();
        let (well, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let up = Up { well: well.clone(), failed: failed.clone() };
        tokio::spawn(async move {
            while let Ok((mut caller, _)) = listener.accept().await {
                if !well.load(Ordering::SeqCst) {
                    failed.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(fail(caller));
                    continue;
                }
                let sandbox = sandbox.clone();
                tokio::spawn(async move {
                    let mut sandbox = TcpStream::connect(sandbox).await?;
                    copy_bidirectional(&mut caller, &mut sandbox).await
                });
            }
        });
        up
    }
}

impl Up {
    pub(crate) fn get_well(&self) {
        self.well.store(true, Ordering::SeqCst);
    }

    /// How often it answered 500.
    pub(crate) fn failed(&self) -> usize {
        self.failed.load(Ordering::SeqCst)
    }
}

async fn fail(mut caller: TcpStream) {
    let mut asked = [0; 16 * 1024];
    drop(caller.read(&mut asked).await);
    let answer = "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\n\
                  Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    drop(caller.write_all(answer.as_bytes()).await);
    drop(caller.shutdown().await);
}
