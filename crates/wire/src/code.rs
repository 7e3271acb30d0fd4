//! THE table of every error and close code: number, name, HTTP status, whether to try again, text.
//! `docs/codes.md` and the TypeScript constants are generated from here. Numbers 100–112 and 3000–3999 are those of the
//! Centrifuge client protocol v2; Parlour's own refusals start at 1000.

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $status:literal, $retry:literal, $text:literal;)*) => {
        /// Why a request was refused. One variant per row of the table, whatever the door.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $text] $variant),* }

        impl Code {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Code] = &[$(Code::$variant),*];
            /// The number on the WebSocket and in Socket.IO acknowledgements.
            pub const fn number(self) -> u32 { match self { $(Code::$variant => $number),* } }
            /// The stable name: `type` of an HTTP problem, `message` of Parlour's own numbers.
            pub const fn name(self) -> &'static str { match self { $(Code::$variant => $name),* } }
            /// The HTTP status.
            pub const fn status(self) -> u16 { match self { $(Code::$variant => $status),* } }
            /// Whether the same request may succeed later without a change.
            pub const fn retry(self) -> bool { match self { $(Code::$variant => $retry),* } }
            /// One sentence for people.
            pub const fn text(self) -> &'static str { match self { $(Code::$variant => $text),* } }
        }
    };
}

codes! {
    Internal            = 100,  "internal",               500, true,  "The server failed; the request may be repeated.";
    Unauthorized        = 101,  "unauthorized",           401, false, "A token or key is needed, or this one is not good.";
    UnknownChannel      = 102,  "unknown-channel",        404, false, "There is no such channel.";
    Forbidden           = 103,  "forbidden",              403, false, "Not allowed with this token or key.";
    MethodNotFound      = 104,  "method-not-found",       404, false, "There is no such command, method or path.";
    AlreadySubscribed   = 105,  "already-subscribed",     409, false, "This session is subscribed to the channel already.";
    LimitExceeded       = 106,  "limit-exceeded",         400, false, "More than the limit allows.";
    BadRequest          = 107,  "bad-request",            400, false, "The request is not well formed.";
    NotAvailable        = 108,  "not-available",          400, false, "Not spoken by this server.";
    TokenExpired        = 109,  "token-expired",          401, false, "The token has expired.";
    Expired             = 110,  "expired",                400, false, "What the request refers to has expired.";
    TooManyRequests     = 111,  "too-many-requests",      429, true,  "Too many requests; try again later.";
    UnrecoverablePosition = 112, "unrecoverable-position", 400, false, "The position cannot be served any more.";

    InvalidChannel      = 1000, "invalid-channel",        400, false, "A channel's name is 1 to 200 bytes of UTF-8 without control characters, white space, braces or asterisk.";
    OriginNotAllowed    = 1001, "origin-not-allowed",     403, false, "This page's origin is not one of the site's: add it to the option `origins`.";
    DemoIsLocal         = 1002, "demo-is-local",          403, false, "Demo mode answers only this machine; start without --demo and name the site's origins.";
    SiteMismatch        = 1003, "site-mismatch",          403, false, "The token or key belongs to another site.";
    UnsupportedMediaType = 1004, "unsupported-media-type", 415, false, "The body must be application/json.";
    RequestTooLarge     = 1005, "request-too-large",      413, false, "The request is larger than the limit.";
    MethodNotAllowed    = 1006, "method-not-allowed",     405, false, "This path does not take this method.";
    UnknownSite         = 1007, "unknown-site",           404, false, "There is no such site.";
    BodyEmpty           = 1010, "body-empty",             422, false, "The comment has no text.";
    BodyTooLong         = 1011, "body-too-long",          422, false, "The comment is longer than the limit.";
    NameInvalid         = 1012, "name-invalid",           422, false, "The name is longer than the limit.";
    NonceInvalid        = 1013, "nonce-invalid",          422, false, "A nonce is 1 to 64 of A–Z, a–z, 0–9, _ and -.";
    ParentNotFound      = 1014, "parent-not-found",       422, false, "The comment to be answered is not in this channel.";
    PageRequired        = 1015, "page-required",          422, false, "The first comment of a page names the page.";
    PageMismatch        = 1016, "page-mismatch",          422, false, "The page's address does not belong to this channel.";
    PageInvalid         = 1017, "page-invalid",           422, false, "The page's address, id or title is not well formed.";
    PageForeign         = 1018, "page-foreign",           403, false, "The page's origin is not one of the site's.";
    NonceConflict       = 1019, "nonce-conflict",         409, false, "The nonce was used for something else.";
    ThreadClosed        = 1020, "thread-closed",          403, false, "The thread is closed.";
    EditWindowClosed    = 1021, "edit-window-closed",     403, false, "The time to edit this comment is over.";
    UnknownComment      = 1022, "unknown-comment",        404, false, "There is no such comment.";
    UnknownReaction     = 1023, "unknown-reaction",       422, false, "The site does not know this reaction.";
    CursorInvalid       = 1024, "cursor-invalid",         400, false, "The cursor is not one that this server gave.";
    TooDeep             = 1025, "too-deep",               422, false, "Answers cannot be nested deeper.";
    EmailHashInvalid    = 1026, "email-hash-invalid",     422, false, "An e-mail hash is the SHA-256 in 64 lower-case hex digits.";
    DataInvalid         = 1027, "data-invalid",           422, false, "The data is too large, too deep or not JSON in UTF-8.";
    NameReserved        = 1028, "name-reserved",          422, false, "The name is, or looks like, that of somebody who is signed in: choose another.";
    OwnOriginNeeded     = 1029, "own-origin-needed",      403, false, "This asks for a token of Parlour's own pages, not one that a page keeps.";
    Blocked             = 1040, "blocked",                403, false, "You may not write here for now.";
    ProofRequired       = 1041, "proof-required",         428, false, "Some work is to be proved first: solve the challenge and repeat with `proof`.";
    ThreadMoved         = 1045, "thread-moved",           409, true,  "The thread was moved to another address: read it again.";
    UnknownPage         = 1046, "unknown-page",           404, false, "There is no such page.";
    PageTaken           = 1047, "page-taken",             409, false, "The page has a thread of its own: merge it instead.";
    OutcomeUnknown      = 1030, "outcome-unknown",        503, true,  "It may have been stored: repeat with the same nonce.";
    StoreUnavailable    = 1031, "store-unavailable",      503, true,  "The store cannot be reached; nothing was stored.";
    ReadOnly            = 1032, "read-only",              503, true,  "Nothing can be written for now; reading goes on.";
}

/// Why the server closed a connection: the WebSocket close code and reason of the Centrifuge protocol, or RFC 6455's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Close {
    /// 1000–1011 are RFC 6455's; 3000–3499 ask to reconnect, 3500–3999 not to.
    pub code: u16,
    /// At most 123 bytes (RFC 6455 §5.5).
    pub reason: &'static str,
}

impl Close {
    /// Whether a client should come back by itself.
    pub const fn reconnect(self) -> bool {
        self.code < 3500
    }
}

macro_rules! closes {
    ($($name:ident = $code:literal, $reason:literal;)*) => {
        impl Close {
            $(#[doc = concat!("Code ", $code, ": ", $reason)] pub const $name: Close = Close { code: $code, reason: $reason };)*
            /// Every row, in the order of the table.
            pub const ALL: &'static [Close] = &[$(Close::$name),*];
        }
    };
}

closes! {
    NORMAL           = 1000, "";
    PROTOCOL         = 1002, "protocol error";
    UNSUPPORTED      = 1003, "binary frames are not spoken";
    INVALID_UTF8     = 1007, "not UTF-8";
    MESSAGE_TOO_BIG  = 1009, "message too big";
    SHUTDOWN         = 3001, "shutdown";
    SERVER_ERROR     = 3004, "internal server error";
    EXPIRED          = 3005, "connection expired";
    SUBSCRIPTION_EXPIRED = 3006, "subscription expired";
    SLOW             = 3008, "slow";
    NO_PONG          = 3012, "no pong";
    INVALID_TOKEN    = 3500, "invalid token";
    BAD_REQUEST      = 3501, "bad request";
    STALE            = 3502, "stale";
    FORCE_DISCONNECT = 3503, "force disconnect";
    PERMISSION_DENIED = 3507, "permission denied";
    NOT_AVAILABLE    = 3508, "not available";
}

/// The `unsubscribe` push of a reader that fell off its channel's ring; client libraries answer by subscribing again.
pub const UNSUBSCRIBE_INSUFFICIENT: (u32, &str) = (2500, "insufficient state");

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_and_names_are_unique() {
        let numbers: HashSet<u32> = Code::ALL.iter().map(|code| code.number()).collect();
        let names: HashSet<&str> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(numbers.len(), Code::ALL.len());
        assert_eq!(names.len(), Code::ALL.len());
        let closes: HashSet<u16> = Close::ALL.iter().map(|close| close.code).collect();
        assert_eq!(closes.len(), Close::ALL.len());
    }

    #[test]
    fn close_reasons_fit_a_control_frame() {
        assert!(Close::ALL.iter().all(|close| close.reason.len() <= 123));
    }
}
