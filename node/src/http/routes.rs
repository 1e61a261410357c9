//! The paths of the interface with what serves each. A list beside the router, so that `openapi.json` is
//! compared with what is really there. Leaves to others: what the handlers do.

use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodRouter, delete, get, post};

use super::Context;

/// Paths that are added one by one.
#[derive(Default)]
pub(super) struct Routes {
    router: Router<Context>,
    #[cfg(test)]
    pub(super) all: Vec<(&'static str, &'static str)>,
}

impl Routes {
    /// `GET` of a path.
    pub(super) fn get<T: 'static>(
        self,
        path: &'static str,
        by: impl Handler<T, Context>,
    ) -> Routes {
        self.with("get", path, get(by))
    }

    /// `POST` to a path.
    pub(super) fn post<T: 'static>(
        self,
        path: &'static str,
        by: impl Handler<T, Context>,
    ) -> Routes {
        self.with("post", path, post(by))
    }

    /// `DELETE` of a path.
    pub(super) fn delete<T: 'static>(
        self,
        path: &'static str,
        by: impl Handler<T, Context>,
    ) -> Routes {
        self.with("delete", path, delete(by))
    }

    /// The router of all paths.
    pub(super) fn router(self) -> Router<Context> {
        self.router
    }

    #[cfg_attr(not(test), expect(unused_variables, reason = "only tests list them"))]
    fn with(
        mut self,
        method: &'static str,
        path: &'static str,
        by: MethodRouter<Context>,
    ) -> Routes {
        self.router = self.router.route(path, by);
        #[cfg(test)]
        self.all.push((method, path));
        self
    }
}
