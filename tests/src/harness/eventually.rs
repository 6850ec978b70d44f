//! Waiting for what the protocol gives no acknowledgement of.

use std::time::Duration;

use tokio::time::Instant;

/// Repeats `attempt` until it succeeds or `limit` is over; then its last error is the result.
pub async fn eventually<T, F>(limit: Duration, mut attempt: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<T>>,
{
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(20);
    loop {
        let error = match attempt().await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        if Instant::now() + pause > deadline {
            return Err(error.context(format!("still so after {limit:?}")));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}
