// How long a request may take until it is stored or answered: as long as its query says, up to the
// server's --request-timeout, from when it arrived; a write of one object no longer than
// kube-apiserver lets it, from when it is served, since what it waited for its turn comes on top of
// that. Whose body is still coming when that is over is told so once the body is there, or is cut
// off by http::Limits::body_timeout: kube-apiserver answers before it has read it.
#pragma once

#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

// Brings the deadlines forward to what the query says, and to `most` (> 0) after the arrival,
// whatever it says; 400 for what is no duration. Of what may last for ever nothing is read.
Result<> TakeTimeout(ApiRequest& request, Duration most);
// Until when it may take, and others be waited for: of a write request.deadline, else
// request.answer_deadline.
const std::chrono::steady_clock::time_point& EndOf(const ApiRequest& request);
// 504 once the time is over. To be asked before a write is stored, or answered without that: what
// is under way by then is answered whenever it is done.
Result<> CheckTime(const ApiRequest& request);
// What the client is told then.
Error TookTooLong();

}  // namespace skiff
