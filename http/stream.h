// What a connection carries after its request has been answered by a stream. Sources are passive:
// the loop that owns the connection pulls when the socket has room and the source said it has more.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/handed.h"

namespace skiff::http {

using SharedBytes = std::shared_ptr<const std::string>;
using HandedObjects = std::vector<std::shared_ptr<const Handed>>;

// Makes the owner pull again. Any thread; harmless after the stream is gone.
using Waker = std::function<void()>;

enum class Pulled {
  kMore,   // There is more right now.
  kIdle,   // Nothing now; the waker will be called.
  kEnd,    // That was all: the stream is closed in order.
  kAbort,  // It broke off: the connection is cut, so that the peer does not take it for the end.
};

// One-way: watch events, log lines. All methods are called on one thread at a time, that of a loop
// with thousands of other connections: they return quickly.
class StreamSource {
 public:
  virtual ~StreamSource() = default;
  // Called once, before the first Pull.
  virtual void Attach(Waker waker) = 0;
  // Appends chunks of about `bytes_max` in all, without blocking.
  virtual Pulled Pull(size_t bytes_max, std::vector<SharedBytes>& out) = 0;
  // Behind kAbort: why, as Go says it.
  virtual std::string Fault() const { return "unexpected EOF"; }
  // Whether it has objects for a reader in this process, who then calls PullHanded in place of
  // Pull: what is not said by objects comes after them.
  virtual bool GivesHanded() const { return false; }
  virtual Pulled PullHanded(size_t bytes_max, HandedObjects& objects,
                            std::vector<SharedBytes>& out) {
    (void)objects;
    return Pull(bytes_max, out);
  }
  // When not zero: pulled at least this often (milliseconds), as bookmarks and deadlines want.
  virtual int PullEveryMs() const { return 0; }
  // Whether it comes to an end of its own before long, and a part of it must not be taken for the
  // whole. A server that stops leaves it that time, and cuts it then; all else it ends in order.
  virtual bool EndsByItself() const { return false; }
};

// Both ways: WebSocket, SPDY, tunnels. All methods are called on one thread at a time.
class Duplex : public StreamSource {
 public:
  // Bytes from the peer. Returns how many were taken; fewer than given stops reading from the peer
  // until the waker is called.
  virtual size_t OnBytes(std::string_view bytes) = 0;
  // The peer has closed its side and all it sent was taken. Called once; pulling goes on until
  // kEnd.
  virtual void OnPeerClosed() = 0;
  // After kEnd: go on reading until the peer closes its side too (true), or close at once (false).
  virtual bool KeepsReading() const { return false; }
};

}  // namespace skiff::http
