// An answer on its way from the handler to the wire, in the form its protocol sends. Internal.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "http/head.h"
#include "http/http2_head.h"
#include "http/message.h"

namespace skiff::http {

// What is known by now of who asked; set on the loop of his connection, to true.
struct Asker {
  std::atomic<bool> is_gone = false;  // Nobody takes the answer any more.
  // He sends nothing more. Over HTTP/1.1 that may be all there is to it, and he awaits the answer.
  std::atomic<bool> may_be_gone = false;
};

// What of a request shapes its answer, and where that goes.
struct RequestTraits {
  bool is_head = false;
  int minor_version = 1;
  bool keep_alive = true;
  int32_t stream = 0;  // Of HTTP/2; 0: HTTP/1.1.
  // Null: nothing is known of him. A request that still waits for a worker needs none once he is
  // gone.
  std::shared_ptr<const Asker> asker;
};

// An answer ready to be sent: a head and what follows it.
struct PreparedAnswer {
  std::string head;    // Of HTTP/1.1; a short body right behind it.
  Http2Fields fields;  // Of HTTP/2.
  std::vector<SharedBytes> pieces;
  Framing framing;
  std::unique_ptr<StreamSource> stream;
  std::unique_ptr<Duplex> upgrade;
  std::unique_ptr<PendingResponse> pending;
  bool keep_alive = true;
};
PreparedAnswer Prepare(Response response, const RequestTraits& traits);

// 429: too many wait for a worker, or what they hold has no room.
Response TooBusy();
// What is answered to a head that cannot be taken.
Response AnswerTo(const HeadFault& fault);

}  // namespace skiff::http
