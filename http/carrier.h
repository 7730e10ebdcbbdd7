// Carries a StreamSource or Duplex over a Channel: pulls while the socket has room, frames what
// comes, and hands a Duplex what the peer sends. Internal; on its loop's thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/channel.h"
#include "http/head.h"
#include "http/stream.h"

namespace skiff::http {

class Carrier {
 public:
  enum class State {
    kGoing,
    kEnded,   // All is sent, in order; nothing is left to do.
    kBroken,  // The socket failed or the source broke off: cut the connection.
  };

  // `wake` reaches the owner, who then calls OnWake. `backlog_max`: unsent bytes at which pulling
  // stops.
  Carrier(Channel& channel, std::shared_ptr<Wake> wake, std::unique_ptr<StreamSource> source,
          Framing framing, size_t backlog_max);
  Carrier(Channel& channel, std::shared_ptr<Wake> wake, std::unique_ptr<Duplex> duplex,
          size_t backlog_max);

  bool is_duplex() const { return duplex_ != nullptr; }
  State OnWake();
  State OnWritable();
  // Bytes from the peer, for a Duplex. What it does not take is kept, and reading stops.
  State OnBytes(std::string_view bytes);
  State OnPeerClosed();
  State OnTimer();
  // Ends the stream in order now, whatever its source still has.
  State End();
  // Of the source; 0 for never.
  int PullEveryMs() const { return source_->PullEveryMs(); }
  // So much waits for the peer that the source is not pulled.
  bool is_blocked() const { return channel_.queued_bytes() >= backlog_max_; }

 private:
  State Pump();
  void Pull();
  void SendFramed(std::vector<SharedBytes>& pieces);
  void OfferInput();
  void MarkEnded();
  State Finish();

  Channel& channel_;
  const std::shared_ptr<Wake> wake_;
  const std::unique_ptr<StreamSource> source_;
  Duplex* const duplex_;  // The same object as source_, or null.
  const Framing framing_;
  const size_t backlog_max_;
  uint64_t length_left_ = 0;  // With a Content-Length.
  bool ready_ = true;         // The source may have more.
  bool ended_ = false;
  bool broken_ = false;
  bool write_closed_ = false;
  std::string unread_;  // From the peer; the Duplex would not take it yet.
  bool peer_closed_ = false;
  bool told_closed_ = false;
};

}  // namespace skiff::http
