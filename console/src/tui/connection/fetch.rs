//! A lookup in the network: news as they come, bounded by the daemon's deadline and by number.

use std::time::Duration;

use hydra_protocol::client::Client;
use hydra_protocol::v1::FetchRecordsRequest;
use hydra_protocol::v1::fetch_records_response::Told;
use tokio::sync::mpsc;

use super::call;
use crate::tui::state::Message;
use crate::tui::state::records::News;

/// The lookup ends after this time.
const DEADLINE: Duration = Duration::from_secs(30);
/// A daemon that is busy tells the end of a lookup this much later.
const GRACE: Duration = Duration::from_secs(10);
/// The lookup ends with so many providers.
const MOST: u32 = 200;

pub(super) async fn run(client: &Client, key: String, tell: &mpsc::Sender<Message>) {
    let result = match tokio::time::timeout(DEADLINE + GRACE, follow(client, &key, tell)).await {
        Ok(result) => result,
        Err(_) => Err(format!("no end within {} s", (DEADLINE + GRACE).as_secs())),
    };
    if let Err(why) = result {
        say(tell, &key, News::End(Err(why))).await;
    }
}

async fn follow(client: &Client, key: &str, tell: &mpsc::Sender<Message>) -> Result<(), String> {
    let request = FetchRecordsRequest {
        key: key.to_owned(),
        deadline_seconds: DEADLINE.as_secs_f64(),
        limit: MOST,
        keep: false,
    };
    let answer = client.records().fetch_records(request).await;
    let mut messages = answer.map_err(|status| call::sentence(&status))?.into_inner();
    while let Some(message) = messages.message().await.map_err(|status| call::sentence(&status))? {
        match message.told {
            Some(Told::Provider(provider)) => say(tell, key, News::Provider(provider)).await,
            Some(Told::Report(report)) => {
                say(tell, key, News::End(Ok(report))).await;
                return Ok(());
            }
            None => {}
        }
    }
    Err("hydrad ended the lookup without a report".to_owned())
}

/// Refused only when the screen is gone.
async fn say(tell: &mpsc::Sender<Message>, key: &str, news: News) {
    let message = Message::Fetched { key: key.to_owned(), news: Box::new(news) };
    tell.send(message).await.unwrap_or_default();
}
