// Answers that need no worker: a request that memory can answer is answered on the loop that owns
// its connection, without a thread being woken for it and another one for its answer. One whose
// answer takes long to make is put off to the end of a round of the loop, which makes one there.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "http/late.h"
#include "http/message.h"

namespace skiff::http {

// A server that has one asks it first, for requests that have a short head, and no long body.
class PromptHandler {
 public:
  virtual ~PromptHandler() = default;
  struct Outcome {
    // The answer, which may be pending. Else a worker makes it:
    std::optional<Response> response = std::nullopt;
    // by this, which goes on where TryHandle left off, as LateHandler::HandleLater, but that a null
    // `reply` wants the answer at once; null: by the server's handler, from the start.
    std::function<std::optional<Response>(const Request& request, const LateReplyPtr& reply)> rest =
        nullptr;
    // Where it takes longer than small requests may wait for: goes on as TryHandle, once that is
    // the turn of `owner`, each of whom has one at a time. A worker has it by `rest` instead when
    // too many wait, or eight of `owner`: `rest` is there, and only one of the two is called.
    std::function<Outcome(const Request& request)> in_turn = nullptr;
    std::string owner = {};
  };
  // Called on a loop, many at once: must neither wait nor take long.
  virtual Outcome TryHandle(const Request& request) = 0;
};

}  // namespace skiff::http
