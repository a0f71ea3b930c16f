//! How notifications are told.

use std::sync::Arc;

use crate::wire::SendBuf;

use crate::session::contract::effect::Notification;

/// NotificationResponse for each.
pub(crate) fn put_notifications(notifications: &[Arc<Notification>], out: &mut SendBuf) {
    for notification in notifications {
        out.put_notification_response(notification.pid, &notification.channel, &notification.payload);
    }
}
