//! A small mail server: it speaks SMTP, and does as it is told.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What becomes of an email.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is taken.
    Taken,
    /// This is the answer to a command that begins so.
    Answer(&'static str, &'static str),
    /// The connection breaks after the whole email has come, and before it is acknowledged.
    DropAfterData,
    /// The connection breaks at once.
    Drop,
}

/// A mail server, and what it has got.
pub(crate) struct Server {
    pub(crate) url: String,
    /// Whole emails, as they came.
    pub(crate) got: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// One that treats every email so.
    pub(crate) async fn start(fate: Fate) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let kept = got.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, fate, kept.clone()));
            }
        });
        Self { url, got }
    }
}

async fn talk(stream: TcpStream, fate: Fate, got: Arc<Mutex<Vec<String>>>) {
    if fate == Fate::Drop {
        return;
    }
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut say = async |text: &str| write.write_all(format!("{text}\r\n").as_bytes()).await;
    say("220 mail.test ESMTP").await.unwrap();
    while let Ok(Some(line)) = lines.next_line().await {
        let answer = match fate {
            Fate::Answer(command, answer) if line.starts_with(command) => answer,
            Fate::Answer(..) | Fate::Taken | Fate::DropAfterData | Fate::Drop => usual(&line),
        };
        if say(answer).await.is_err() || answer.starts_with("221") {
            return;
        }
        if !answer.starts_with("354") {
            continue;
        }
        let mut email = String::new();
        while let Ok(Some(line)) = lines.next_line().await {
            if line == "." {
                break;
            }
            // A line that begins with a point comes with one more.
            email.push_str(line.strip_prefix('.').unwrap_or(&line));
            email.push('\n');
        }
        got.lock().unwrap().push(email);
        match fate {
            Fate::DropAfterData => return,
            Fate::Answer(".", answer) => say(answer).await.unwrap(),
            Fate::Answer(..) | Fate::Taken | Fate::Drop => say("250 queued").await.unwrap(),
        }
    }
}

fn usual(line: &str) -> &'static str {
    match line.split(' ').next().unwrap_or_default() {
        "EHLO" => "250-mail.test\r\n250 8BITMIME",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        _ => "250 ok",
    }
}
