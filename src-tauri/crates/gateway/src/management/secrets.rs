//! Commands `secrets.…`: state of the secret store, and unlocking it.

use serde::{Deserialize, Serialize};

use super::{Control, ControlError, NoArgs};
use storage::secrets::{StoreError, StoreKind};

/// State of the secret store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[derive(ts_rs::TS)]
pub enum SecretsState {
    Open,
    Locked,
    Missing,
    Denied,
    Hung,
}

/// The secret store and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ts_rs::TS)]
pub struct SecretsView {
    pub place: StoreKind,
    pub state: SecretsState,
    /// Error that prevents access to the store.
    pub error: Option<StoreError>,
}

/// The state of the secret store, without a prompt.
pub(super) async fn state(control: &Control, _: NoArgs) -> Result<SecretsView, ControlError> {
    Ok(view(control.instance.secrets, control.vault.check_available().await))
}

/// Reads the missing secrets. The system may prompt for a password.
pub(super) async fn unlock(control: &Control, _: NoArgs) -> Result<SecretsView, ControlError> {
    control.secret_reload.reload().await;
    state(control, NoArgs {}).await
}

fn view(place: StoreKind, answer: Result<(), StoreError>) -> SecretsView {
    let error = answer.as_ref().err().cloned();
    let state = match answer {
        Ok(()) => SecretsState::Open,
        Err(StoreError::Locked) => SecretsState::Locked,
        Err(StoreError::Missing | StoreError::NoKeyring) => SecretsState::Missing,
        Err(StoreError::Hung) => SecretsState::Hung,
        Err(
            StoreError::Denied
            | StoreError::TooLong
            | StoreError::Damaged
            | StoreError::File(_)
            | StoreError::WrongKey
            | StoreError::KeyFile(_)
            | StoreError::SetAside(_)
            | StoreError::Other(_),
        ) => SecretsState::Denied,
    };
    SecretsView { place, state, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l07_a_place_that_does_not_answer_says_so_with_a_way_out() {
        for (error, state) in [
            (StoreError::Locked, SecretsState::Locked),
            (StoreError::Missing, SecretsState::Missing),
            (StoreError::Denied, SecretsState::Denied),
            (StoreError::Hung, SecretsState::Hung),
        ] {
            let view = view(StoreKind::Keychain, Err(error));
            assert_eq!((view.state, view.error.is_some()), (state, true));
        }
        assert_eq!(view(StoreKind::File, Ok(())).error, None);
    }
}
