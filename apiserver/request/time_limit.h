// How long a request may take until it is stored or answered: as long as its query says, and a
// write of one object no longer than kube-apiserver lets it. It counts from when it is served:
// what it waited for its turn comes on top.
#pragma once

#include "apiserver/request/request_context.h"
#include "base/error.h"

namespace skiff {

// Brings the deadline forward to what the query says; 400 for what is no duration. Of what may last
// for ever nothing is read.
Result<> TakeTimeout(ApiRequest& request);
// 504 once the time is over. To be asked before a write is stored: what is under way by then is
// answered whenever it is done.
Result<> CheckTime(const ApiRequest& request);
// What the client is told then.
Error TookTooLong();

}  // namespace skiff
