#include "client/mailbox.h"

#include <deque>
#include <utility>

#include "base/mutex.h"
#include "client/transport.h"

namespace skiff {
namespace {

enum class Wakes : uint8_t { kOwner, kNobody };

}  // namespace

// Outlives its mailbox for as long as answers are on the way.
struct Mailbox::Box {
  explicit Box(std::function<void()> wake) : wake(std::move(wake)) {}

  // Of one that is on the way.
  void Put(std::function<void()> call, Wakes wakes) {
    MutexLock lock(mutex);
    if (closed) {
      lock.unlock();
      return;  // What the call holds is let go of without the mutex.
    }
    due.push_back(std::move(call));
    const bool wakes_owner = wake && wakes == Wakes::kOwner;
    if (wakes_owner) ++waking;
    lock.unlock();
    arrived.notify_one();
    if (!wakes_owner) return;
    // Without the mutex, which who is woken takes at once. Whoever closes the mailbox waits for
    // this: its owner is there until then.
    wake();
    lock.lock();
    if (--waking == 0 && closed) woken.notify_all();
  }

  // The next call, and it is on the way no more; null: there is none.
  std::function<void()> Take() {
    MutexLock lock(mutex);
    if (due.empty()) return nullptr;
    auto call = std::move(due.front());
    due.pop_front();
    --on_the_way;
    return call;
  }

  const std::function<void()> wake;
  Mutex mutex;
  CondVar arrived;
  CondVar woken;  // Those who woke the owner are done with it.
  std::deque<std::function<void()>> due GUARDED_BY(mutex);
  int on_the_way GUARDED_BY(mutex) = 0;  // Those that are due are.
  int waking GUARDED_BY(mutex) = 0;
  bool closed GUARDED_BY(mutex) = false;
};

Mailbox::Mailbox() : Mailbox(nullptr) {}
Mailbox::Mailbox(std::function<void()> wake) : box_(std::make_shared<Box>(std::move(wake))) {}

Mailbox::~Mailbox() {
  std::deque<std::function<void()>> dropped;
  MutexLock lock(box_->mutex);
  box_->closed = true;
  dropped.swap(box_->due);
  while (box_->waking > 0) box_->woken.wait(lock);
  lock.unlock();
}

bool Mailbox::HasRoom() const {
  MutexLock lock(box_->mutex);
  return box_->on_the_way < kOnTheWayMax;
}

void Mailbox::Send(Transport& transport, http::Request request,
                   std::function<void(http::Response)> then) {
  {
    MutexLock lock(box_->mutex);
    ++box_->on_the_way;
  }
  // Who sends looks for answers after that, and for one that is there already nobody is woken.
  if (!transport.SendsLater()) {
    const auto held = std::make_shared<http::Response>(transport.Send(std::move(request)));
    return box_->Put([held, then = std::move(then)] { then(std::move(*held)); }, Wakes::kNobody);
  }
  transport.SendLater(std::move(request), [box = box_, then = std::move(then)](
                                              Transport::MakeAnswer make) mutable {
    box->Put([then = std::move(then), make = std::move(make)] { then(make()); }, Wakes::kOwner);
  });
}

void Mailbox::Post(std::function<void()> then) {
  {
    MutexLock lock(box_->mutex);
    ++box_->on_the_way;
  }
  box_->Put(std::move(then), Wakes::kNobody);
}

void Mailbox::Deliver() {
  while (const auto call = box_->Take()) call();
}

void Mailbox::AwaitRoom() {
  Await(kOnTheWayMax - 1);
}

void Mailbox::Settle() {
  Await(0);
}

void Mailbox::Await(int left) {
  while (true) {
    Deliver();
    MutexLock lock(box_->mutex);
    if (box_->on_the_way <= left) return;
    while (box_->due.empty()) box_->arrived.wait(lock);
  }
}

}  // namespace skiff
