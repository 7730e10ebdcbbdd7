// Answers that are made when what they wait for has come, while no worker waits for it.
//
//   std::optional<Response> HandleLater(const Request& request, const LateReplyPtr& reply) {
//     store.ApplyLater(write, [reply](Written written) {
//       reply->OnLoop([written] { return AnswerTo(written); });
//     });
//     return std::nullopt;                              // The worker has the next request.
//   }
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "http/message.h"

namespace skiff::http {

// The way back to a client. Keeps the request alive, and its server from coming to its end. One of
// the two is called, once, on any thread; when the last copy is dropped without, the client gets
// 502. Harmless after the client has left.
class LateReply {
 public:
  using Make = std::function<Response()>;
  virtual ~LateReply() = default;
  // `make` is called on the loop that owns the connection: it neither waits nor takes long.
  virtual void OnLoop(Make make) = 0;
  // On a worker, where it may.
  virtual void OnWorker(Make make) = 0;
};
using LateReplyPtr = std::shared_ptr<LateReply>;

// A server that has one asks it in place of its handler.
class LateHandler {
 public:
  virtual ~LateHandler() = default;
  // On a worker, as Handler::Handle. nullopt: the answer comes by `reply`.
  virtual std::optional<Response> HandleLater(const Request& request,
                                              const LateReplyPtr& reply) = 0;
};

}  // namespace skiff::http
