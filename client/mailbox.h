// Requests that nobody waits for, and what is done with their answers (decision 0074).
//
//   Mailbox answers([this] { Wake(); });                       // A member of a loop.
//   ...
//   answers.Deliver();                                         // In Step: calls what is due.
//   client.BindLater(answers, pod, node, [=](Result<> bound) { ... });
//   answers.Deliver();                                         // It may be there at once.
//
// Somebody who does wait, but for many together, has one without a loop to wake, and calls Settle.
//
// What is called is called on the thread of Deliver or Settle, and by nobody once the mailbox is
// gone: an answer that comes later is dropped, its request is done all the same. It goes before the
// server does.
#pragma once

#include <functional>
#include <memory>

#include "http/message.h"

namespace skiff {

class Transport;

// Thread-safe.
class Mailbox {
 public:
  // Who has as many on the way sends no more until HasRoom; several threads may come to a little
  // more, each to one.
  static constexpr int kOnTheWayMax = 128;

  // Its answers are waited for.
  Mailbox();
  // `wake`: something is to be delivered. Any thread; neither waits nor calls the mailbox.
  explicit Mailbox(std::function<void()> wake);
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  bool HasRoom() const;
  // `then` is called with the answer, once.
  void Send(Transport& transport, http::Request request,
            std::function<void(http::Response response)> then);
  // `then` is called without anything being sent.
  void Post(std::function<void()> then);
  // Calls what is due now.
  void Deliver();
  // Calls all, and waits for what is still on the way, until there is room again, or nothing left.
  void AwaitRoom();
  void Settle();

 private:
  struct Box;
  void Await(int left);
  const std::shared_ptr<Box> box_;
};

}  // namespace skiff
