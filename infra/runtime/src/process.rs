//! A function that runs.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::{Api, Event, Word};
use crate::{Failure, usage};

/// What a function has for its start and for each event. Lambda gives less; this machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the start has cost.
#[derive(Debug, Clone, Copy)]
pub struct Init {
    /// From the start of the program to its first question for an event.
    pub wall: Duration,
    /// Processor time in that span.
    pub cpu: Duration,
}

/// What a function has made of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its answer.
    Response(Bytes),
    /// Its error, as the Runtime API takes it: `errorMessage`, `errorType`.
    Error(Bytes),
}

/// An invocation.
#[derive(Debug)]
pub struct Invocation {
    /// What came of it.
    pub answer: Answer,
    /// From the event to the answer.
    pub wall: Duration,
}

/// A running function. Dropping it ends the process.
pub struct Process {
    function: String,
    child: Child,
    pid: u32,
    api: Api,
    output: Arc<Mutex<Vec<u8>>>,
    readers: [JoinHandle<()>; 2],
    waiting: Option<oneshot::Sender<Event>>,
    init: Init,
    invocations: u64,
}

impl Process {
    pub(crate) async fn begin(
        function: &str,
        mut command: Command,
        api: Api,
    ) -> Result<Self, Failure> {
        let failed = |error| Failure::Start(function.to_owned(), error);
        let began = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        let pid = child
            .id()
            .ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
        let output = Arc::default();
        let readers = [
            read(child.stdout.take(), Arc::clone(&output)),
            read(child.stderr.take(), Arc::clone(&output)),
        ];
        let init = Init {
            wall: Duration::ZERO,
            cpu: Duration::ZERO,
        };
        let function = function.to_owned();
        let mut process = Self {
            function,
            child,
            pid,
            api,
            output,
            readers,
            waiting: None,
            init,
            invocations: 0,
        };
        let asked = process.await_next().await?;
        process.init = Init {
            wall: asked.duration_since(began),
            cpu: process.cpu().await?,
        };
        Ok(process)
    }

    /// Hands it an event, waits for its answer and until it asks for the next event.
    ///
    /// # Errors
    /// [`Failure`] if it ends instead, or does nothing.
    pub async fn invoke(&mut self, payload: impl Into<Bytes>) -> Result<Invocation, Failure> {
        self.invocations += 1;
        let id = format!("00000000-0000-4000-8000-{:012x}", self.invocations);
        let event = Event {
            id: id.clone(),
            payload: payload.into(),
        };
        let waiting = self
            .waiting
            .take()
            .ok_or_else(|| self.out_of_turn("it is not waiting for an event"))?;
        let began = Instant::now();
        waiting
            .send(event)
            .map_err(|_| self.out_of_turn("it does not wait any longer"))?;
        let (answered, answer, at) = match self.listen().await? {
            Word::Response(id, body, at) => (id, Answer::Response(body), at),
            Word::Error(id, body, at) => (id, Answer::Error(body), at),
            Word::Next(..) => {
                return Err(self.out_of_turn("it asks for an event before it has answered"));
            }
            Word::InitError(_) => return Err(self.out_of_turn("an init error after the start")),
        };
        if answered != id {
            return Err(self.out_of_turn("it answers another event"));
        }
        self.await_next().await?;
        Ok(Invocation {
            answer,
            wall: at.duration_since(began),
        })
    }

    /// What its start has cost.
    #[must_use]
    pub const fn init(&self) -> Init {
        self.init
    }

    /// Processor time so far, once it waits.
    pub async fn cpu(&self) -> Result<Duration, Failure> {
        usage::settled_cpu(self.pid)
            .await
            .map_err(|error| self.unknown(error))
    }

    /// The most memory that it has used, in KiB.
    pub fn peak_memory(&self) -> Result<u64, Failure> {
        usage::peak_memory(self.pid).map_err(|error| self.unknown(error))
    }

    /// The memory that it uses, in KiB.
    pub fn memory(&self) -> Result<u64, Failure> {
        usage::memory(self.pid).map_err(|error| self.unknown(error))
    }

    /// How many connections it has opened to the Runtime API.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.api.connections()
    }

    /// What it has written to standard output and standard error.
    #[must_use]
    pub fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }

    /// Sends it SIGTERM and waits for its end; what it has written in all.
    ///
    /// # Errors
    /// [`Failure`] if it does not end.
    pub async fn terminate(mut self) -> Result<(ExitStatus, String), Failure> {
        // The shell's own: without `unsafe` there is no way to the system call.
        let mut kill = Command::new("/bin/sh");
        kill.args(["-c", "kill -TERM \"$0\"", &self.pid.to_string()]);
        kill.status().await.map_err(|error| self.unknown(error))?;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .map_err(|_| self.late())?;
        let status = ended.map_err(|error| self.unknown(error))?;
        self.read_out().await;
        Ok((status, self.output()))
    }

    /// Waits until it asks for an event; when that was.
    async fn await_next(&mut self) -> Result<Instant, Failure> {
        match self.listen().await? {
            Word::Next(waiting, at) => {
                self.waiting = Some(waiting);
                Ok(at)
            }
            Word::InitError(told) => Err(self.end(Some(told)).await),
            Word::Response(..) | Word::Error(..) => {
                Err(self.out_of_turn("it answers what nobody has asked"))
            }
        }
    }

    /// What it says next.
    async fn listen(&mut self) -> Result<Word, Failure> {
        let heard = async {
            tokio::select! {
                // What it said before its end comes first.
                biased;
                word = self.api.words.recv() => word,
                _ended = self.child.wait() => None,
            }
        };
        match tokio::time::timeout(PATIENCE, heard).await {
            Ok(Some(word)) => Ok(word),
            Ok(None) => Err(self.end(None).await),
            Err(_) => Err(self.late()),
        }
    }

    /// It has ended, or is about to.
    async fn end(&mut self, told: Option<Bytes>) -> Failure {
        let status = match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => return self.unknown(error),
            Err(_) => return self.late(),
        };
        self.read_out().await;
        let told = told.map(|told| String::from_utf8_lossy(&told).into_owned());
        Failure::Ended {
            function: self.function.clone(),
            status,
            told,
            output: self.output(),
        }
    }

    /// Waits until everything that it has written is read.
    async fn read_out(&mut self) {
        for reader in &mut self.readers {
            let _cannot_panic = reader.await;
        }
    }

    fn out_of_turn(&self, what: &'static str) -> Failure {
        Failure::OutOfTurn(self.function.clone(), what)
    }

    fn late(&self) -> Failure {
        Failure::Late(self.function.clone(), PATIENCE, self.output())
    }

    fn unknown(&self, error: std::io::Error) -> Failure {
        Failure::Unknown(self.function.clone(), error)
    }
}

/// Keeps what a stream says.
fn read(
    stream: Option<impl AsyncRead + Send + Unpin + 'static>,
    output: Arc<Mutex<Vec<u8>>>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let Some(mut stream) = stream else { return };
        let mut part = vec![0; 8_192];
        while let Ok(length @ 1..) = stream.read(&mut part).await {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.extend_from_slice(part.get(..length).unwrap_or_default());
        }
    })
}
