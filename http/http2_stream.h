// One request of a connection of HTTP/2, from its head to the end of its answer. Internal; on its
// loop's thread only.
//
//   kBody -> kHandling -> kSending       until the stream is closed, by either side
//
// An answer's bytes wait here until the client's windows and the socket have room for them. A
// source is pulled when less of it waits than a frame takes, so that a client who does not read
// holds what one pull gave, and its source what sources hold; when it has taken nothing for long
// enough, the stream is reset.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/answer.h"
#include "http/event_loop.h"
#include "http/http2_wire.h"

namespace skiff::http {

class ServerConnection;

class Http2Stream final : public LoopListener {
 public:
  // What the connection's streams share. Outlives them.
  class Owner {
   public:
    virtual ServerConnection& connection() = 0;
    virtual Http2Wire& wire() = 0;
    // Counts what a stream holds of a request that is still to be handed on, `before` of which was
    // counted already; false when there is no room, and nothing has changed.
    virtual bool Hold(size_t before, size_t after) = 0;
    // Sends what the wire has, soon.
    virtual void ScheduleSend() = 0;
    virtual size_t streams() const = 0;
    // Takes no further stream.
    virtual void GoAway() = 0;
    // A worker has the request still, though nobody waits for its answer.
    virtual void Abandon(std::weak_ptr<const Asker> request) = 0;

   protected:
    ~Owner() = default;
  };

  Http2Stream(Owner& owner, Http2Wire::StreamId id);
  Http2Stream(const Http2Stream&) = delete;
  Http2Stream& operator=(const Http2Stream&) = delete;

  void OnHead(RequestHead head, bool ended);
  void OnData(std::string_view bytes);
  void OnEnd();
  void OnAnswer(PreparedAnswer answer);
  // See Http2Wire::Sink.
  Http2Wire::Ready Next(size_t bytes_max);
  void SendData(std::string_view frame, size_t bytes);
  // Ends a stream of answers in order, whatever its source still has.
  void EndSource();
  // The stream is closed: nothing calls back from here on.
  void Leave();

 private:
  enum class State { kBody, kHandling, kSending, kClosed };
  static constexpr size_t kPullBytes = 16 << 10;      // About one frame.
  static constexpr size_t kSentPiecesMax = 64;        // In front of those that wait.
  static constexpr size_t kWriteBytesMin = 64 << 10;  // In a write_timeout, of all streams.

  void OnWake() override;
  void OnTimer() override;

  bool HoldsBody();
  void Dispatch(bool body_too_large);
  void Reset(Http2Wire::Code code);
  void StartSource(PreparedAnswer& answer);
  void Pull();
  void Enqueue(std::vector<SharedBytes>& pieces);
  void EndOfSource();
  // Something may be there to send.
  void Offer();
  void ArmTimer();
  bool IsStalled();
  Duration WriteTimeout() const;
  void EndBusy();

  Owner& owner_;
  ServerConnection& connection_;
  const Http2Wire::StreamId id_;
  Timer timer_;
  State state_ = State::kBody;
  RequestTraits traits_;
  std::shared_ptr<Asker> asker_;
  bool busy_ = false;

  // While the request arrives.
  std::unique_ptr<RequestHead> head_;
  Duration arrived_ = Duration::zero();
  std::string body_;
  size_t head_bytes_ = 0;
  size_t held_ = 0;  // As counted.

  // While it is answered.
  std::unique_ptr<PendingResponse> pending_;
  std::unique_ptr<StreamSource> source_;
  std::shared_ptr<Wake> wake_;
  std::vector<SharedBytes> queue_;  // Sent up to first_, and of that one up to offset_.
  size_t first_ = 0;
  size_t offset_ = 0;
  size_t queued_bytes_ = 0;
  std::optional<uint64_t> length_left_;  // With a Content-Length, of a source.
  bool ready_ = true;                    // The source may have more.
  bool ended_ = false;                   // Nothing comes behind the queue,
  bool broken_ = false;                  // or the stream breaks off there.
  // What the client's windows have let through, as of when its time to take more began; that ends
  // at write_due_.
  uint64_t sent_ = 0;
  uint64_t sent_before_ = 0;
  Duration write_due_ = kNever;
};

}  // namespace skiff::http
