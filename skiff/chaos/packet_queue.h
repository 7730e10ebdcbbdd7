// A queue of the kernel's packet filter: packets that rules lead there wait for a verdict. Once
// nobody has the queue open, they go on without one (--queue-bypass).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/process.h"

namespace skiff::chaos {

struct QueuedPacket {
  uint32_t id = 0;
  bool is_v6 = false;
  int64_t bytes = 0;
  std::string content;  // From the IP header on.
};

// One thread.
class PacketQueue {
 public:
  // In the network of that process, whatever becomes of that.
  static Result<PacketQueue> Open(const ProcessId& of, int number);
  PacketQueue(PacketQueue&& other) noexcept;
  ~PacketQueue();
  // Readable when packets wait.
  int file() const { return file_; }
  // Those that wait, as many as one read gives.
  std::vector<QueuedPacket> Take();
  void LetGo(const QueuedPacket& packet);
  void Drop(const QueuedPacket& packet);
  // Sends it once more, marked as our own.
  void SendCopy(const QueuedPacket& packet);

 private:
  PacketQueue() = default;
  Result<> Configure();
  void Judge(const QueuedPacket& packet, uint32_t verdict);
  int number_ = 0;
  int file_ = -1;
  int sender4_ = -1;
  int sender6_ = -1;
};

// What the kernel wrote to such a queue's socket: whole netlink messages.
std::vector<QueuedPacket> ParsePackets(std::string_view messages);

}  // namespace skiff::chaos
