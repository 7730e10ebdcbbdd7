// What becomes of a request whose expressions found no memory, as others held it: it is told to
// come again. Neither is that a failure that a policy or a webhook may ignore, nor one to warn of.
#pragma once

#include "api/cel/limits.h"
#include "apiserver/request/api_errors.h"
#include "base/error.h"

namespace skiff {

// Fails where an evaluation of this request, on this thread, ended as there was no memory for it:
// what came of that says nothing. Asked before it is acted upon.
inline Result<> HadRoom() {
  if (!cel::look_end_of_thread.crowded) return {};
  return Fail(RefusedForNow());
}

}  // namespace skiff
