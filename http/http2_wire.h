// HTTP/2's frames, by way of libnghttp2, and what a client may make of them: the door to the
// library. Whose streams these are and what becomes of them is its Sink's business, which knows
// nothing of frames. Internal; not thread-safe.
//
//   Http2Wire wire(limits, sink);
//   if (wire.Receive(bytes)) ...             // calls sink.OnHead, OnData, OnEnd, OnClosed
//   wire.Answer(1, {{":status", "200"}}, Http2Wire::Body::kWhole);
//   if (wire.Send()) ...                     // calls sink.Next, Send, SendData
//
// Floods. A client pays a token for each frame that asks for nothing: SETTINGS, PING, PRIORITY,
// RST_STREAM, empty DATA, WINDOW_UPDATE, what we do not know, and whatever makes us reset a stream.
// Tokens come with time, and with the bytes that it lets us send, as a reader's updates do. Who has
// none left is told to calm down, and is closed.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "http/http2_head.h"

namespace skiff::http {

class Http2Wire {
 public:
  using StreamId = int32_t;
  enum class Code : uint32_t {
    kNoError = 0,
    kProtocolError = 1,
    kInternalError = 2,
    kCancel = 8,
    kCalmDown = 11,
  };

  struct Limits {
    uint32_t streams_max = 100;
    size_t head_bytes_max = 1 << 20;
    // Where frames are packed: what lies there is of nobody after a call, so that all wires of one
    // thread may share it. It outlives them. Where it is too small each has its own.
    std::span<char> scratch = {};
  };

  // What may be sent of a stream's body now.
  struct Ready {
    enum class What { kBytes, kNothingNow, kBroken };
    What what = What::kNothingNow;
    size_t bytes = 0;
    bool last = false;  // Nothing follows these.
  };

  // Called in Receive and Send alone. May call whatever does neither.
  class Sink {
   public:
    // A head begins to come. There is never more than one under way.
    virtual void OnHeadBegin() = 0;
    // So much of it is held by now; false: it has no room, and the client is parted with.
    virtual bool OnHeadBytes(size_t held) = 0;
    virtual void OnHeadEnd() = 0;
    // A request, or a head that cannot be taken; `ended`: there is no body.
    virtual void OnHead(StreamId stream, RequestHead head, bool ended) = 0;
    virtual void OnBadHead(StreamId stream, const HeadFault& fault) = 0;
    virtual void OnData(StreamId stream, std::string_view bytes) = 0;
    virtual void OnEnd(StreamId stream) = 0;
    // Nothing more is sent or received on it. Also of streams that OnHead never told of.
    virtual void OnClosed(StreamId stream) = 0;

    // Whether there is room for more to be sent.
    virtual bool HasRoom() const = 0;
    virtual void Send(std::string_view bytes) = 0;
    // What the stream could send of its body, `bytes_max` at most.
    virtual Ready Next(StreamId stream, size_t bytes_max) = 0;
    // Sends `frame`, and behind it the stream's next `bytes`.
    virtual void SendData(StreamId stream, std::string_view frame, size_t bytes) = 0;
    virtual Duration Now() const = 0;  // Monotonic.

   protected:
    ~Sink() = default;
  };

  // `sink` outlives it, and is not called here.
  Http2Wire(const Limits& limits, Sink& sink);
  ~Http2Wire();
  Http2Wire(const Http2Wire&) = delete;
  Http2Wire& operator=(const Http2Wire&) = delete;

  // False: the connection is of no more use; what the client is to hear of it has been sent.
  bool Receive(std::string_view bytes);
  // Sends what there is while there is room. False as above.
  bool Send();
  // There is something to send, and the client would take it.
  bool WantsToSend() const;
  // One side said goodbye, and no stream is left.
  bool IsOver() const;

  // The head of the answer, and behind it a body, of which Next tells. Nothing is remembered of the
  // head of an endless one, for others to be shorter by.
  enum class Body { kNone, kWhole, kEndless };
  void Answer(StreamId stream, const Http2Fields& fields, Body body);
  // 100, before it.
  void AskForBody(StreamId stream);
  // Next has something again.
  void Resume(StreamId stream);
  void Reset(StreamId stream, Code code);
  // No further stream is taken; those that are open go on.
  void GoAway();
  // The client has gone too far: Receive and Send are false from here on.
  void CalmDown();

 private:
  struct Session;
  const std::unique_ptr<Session> session_;
};

}  // namespace skiff::http
