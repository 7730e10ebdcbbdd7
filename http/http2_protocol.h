// HTTP/2 on a server's connection: many requests at once, each on a stream of its own. What the
// streams share is here: the wire, the deadlines of the connection, and what it may hold. Internal.
//
//   the first head is due when HTTP/1.1's would be; each head has head_timeout, each body
//   body_timeout (Http2Stream); without streams the connection is closed after idle_timeout, in
//   order, by GOAWAY; and when the socket has taken nothing for write_timeout, at once.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "http/channel.h"
#include "http/http2_stream.h"
#include "http/http2_wire.h"
#include "http/protocol.h"

namespace skiff::http {

class ServerConnection;

class Http2Protocol final : public Protocol, private Http2Wire::Sink, private Http2Stream::Owner {
 public:
  explicit Http2Protocol(ServerConnection& connection);

  void OnBytes(std::string_view bytes) override;
  void OnEof() override;
  void OnWritable() override;
  void OnTimer() override;
  void OnAnswer(int32_t stream, PreparedAnswer answer) override;
  void CloseWhenIdle() override;
  void EndStreams() override;
  void OnClose() override;

 private:
  // Http2Wire::Sink
  void OnHeadBegin() override;
  bool OnHeadBytes(size_t held) override;
  void OnHeadEnd() override;
  void OnHead(Http2Wire::StreamId id, RequestHead head, bool ended) override;
  void OnBadHead(Http2Wire::StreamId id, const HeadFault& fault) override;
  void OnData(Http2Wire::StreamId id, std::string_view bytes) override;
  void OnEnd(Http2Wire::StreamId id) override;
  void OnClosed(Http2Wire::StreamId id) override;
  bool HasRoom() const override;
  void Send(std::string_view bytes) override;
  Http2Wire::Ready Next(Http2Wire::StreamId id, size_t bytes_max) override;
  void SendData(Http2Wire::StreamId id, std::string_view frame, size_t bytes) override;
  Duration Now() const override;

  // Http2Stream::Owner
  ServerConnection& connection() override { return connection_; }
  Http2Wire& wire() override { return wire_; }
  bool Hold(size_t before, size_t after) override;
  void ScheduleSend() override;
  size_t streams() const override { return streams_.size(); }
  void GoAway() override;
  void Abandon(std::weak_ptr<const Asker> request) override;

  Http2Stream* Find(Http2Wire::StreamId id);
  Http2Stream& Add(Http2Wire::StreamId id);
  void Pump();
  // All is said: sends what is left of it, and closes.
  void Part();
  void LeaveStreams();
  void ArmTimer();

  ServerConnection& connection_;
  Loop& loop_;
  Channel& channel_;
  std::unordered_map<Http2Wire::StreamId, std::unique_ptr<Http2Stream>> streams_;
  Http2Stream* found_ = nullptr;  // The one that was looked up last, if it is there still.
  Http2Wire::StreamId found_id_ = 0;
  // Requests that nobody waits for any more, and workers have still.
  std::vector<std::weak_ptr<const Asker>> abandoned_;
  size_t held_ = 0;       // Of all that arrives.
  size_t head_held_ = 0;  // Of it, of the head that is coming in.
  bool arrived_ = false;  // The first head was there.
  bool going_away_ = false;
  bool parting_ = false;
  bool send_scheduled_ = false;
  Duration head_due_ = kNever;
  Duration idle_due_ = kNever;
  uint64_t sent_before_ = 0;     // As of when the client's time to take more began;
  Duration write_due_ = kNever;  // that ends here.
  Http2Wire wire_;
};

}  // namespace skiff::http
