#include "apiserver/aggregation/forward_load.h"

namespace skiff {

void ForwardLoad::Held::Add(const Held& more) {
  waiting += more.waiting;
  bytes += more.bytes;
  answering += more.answering;
}

void ForwardLoad::Held::Take(const Held& less) {
  waiting -= less.waiting;
  bytes -= less.bytes;
  answering -= less.answering;
}

bool ForwardLoad::HasRoom(const Held& his, size_t bytes) const {
  const int waiting_left = limits_.waiting_max - all_.waiting;
  const int answering_left = limits_.answering_max - all_.answering;
  if (his.waiting >= waiting_left || his.answering >= answering_left) return false;
  if (all_.waiting == 0) return true;
  if (all_.bytes + bytes > limits_.waiting_bytes_max) return false;
  return his.waiting == 0 || his.bytes + bytes <= limits_.waiting_bytes_max - all_.bytes;
}

ForwardLoad::Place ForwardLoad::Hold(const std::string& user, const Held& held) {
  all_.Add(held);
  by_user_[user].Add(held);
  const auto give_back = [self = shared_from_this(), user, held](void*) {
    const MutexLock lock(self->mutex_);
    self->all_.Take(held);
    const auto his = self->by_user_.find(user);
    his->second.Take(held);
    if (his->second.empty()) self->by_user_.erase(his);
  };
  return {this, give_back};
}

ForwardLoad::Place ForwardLoad::TakeWaiting(const std::string& user, size_t bytes) {
  const MutexLock lock(mutex_);
  const auto his = by_user_.find(user);
  if (!HasRoom(his == by_user_.end() ? Held() : his->second, bytes)) return nullptr;
  return Hold(user, {.waiting = 1, .bytes = bytes});
}

ForwardLoad::Place ForwardLoad::TakeAnswering(const std::string& user) {
  const MutexLock lock(mutex_);
  return Hold(user, {.answering = 1});
}

}  // namespace skiff
