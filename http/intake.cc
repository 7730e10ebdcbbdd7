#include "http/intake.h"

namespace skiff::http {

Intake::Share& Intake::Share::operator=(Share&& other) noexcept {
  if (this == &other) return *this;
  Resize(0);
  intake_ = std::exchange(other.intake_, nullptr);
  address_ = std::move(other.address_);
  known_ = other.known_;
  bytes_ = std::exchange(other.bytes_, 0);
  return *this;
}

Intake::Share::~Share() {
  Resize(0);
}

bool Intake::Share::Resize(size_t bytes) {
  if (bytes <= kFreeBytes) bytes = 0;
  if (intake_ == nullptr || bytes == bytes_) return true;
  if (!intake_->Change(address_, known_, bytes_, bytes)) return false;
  bytes_ = bytes;
  return true;
}

bool Intake::Share::TakeSpare(size_t bytes) {
  if (intake_ == nullptr) return true;
  if (!intake_->Change(address_, known_, bytes_, bytes, /*part=*/2)) return false;
  bytes_ = bytes;
  return true;
}

Intake::Share Intake::Share::Next() const {
  Share next;
  next.intake_ = intake_;
  next.address_ = address_;
  next.known_ = known_;
  return next;
}

bool Intake::Connect(const std::string& address) {
  if (address.empty()) return true;
  MutexLock lock(mutex_);
  Held& held = by_address_[address];
  if (held.connections >= limits_.connections_per_address_max) {
    DropIfEmpty(address);
    return false;
  }
  ++held.connections;
  return true;
}

void Intake::Disconnect(const std::string& address) {
  if (address.empty()) return;
  MutexLock lock(mutex_);
  --by_address_[address].connections;
  DropIfEmpty(address);
}

size_t Intake::bytes() const {
  MutexLock lock(mutex_);
  return bytes_ + known_bytes_;
}

bool Intake::Change(const std::string& address, bool known, size_t from, size_t to, size_t part) {
  MutexLock lock(mutex_);
  if (known) {
    if (to > from && known_bytes_ - from + to > limits_.known_bytes_max / part) return false;
    known_bytes_ = known_bytes_ - from + to;
    return true;
  }
  Held& held = by_address_[address];
  const bool here =
      held.bytes - from + to > limits_.bytes_per_address_max / part && !address.empty();
  if (to > from && (here || bytes_ - from + to > limits_.bytes_max / part)) {
    DropIfEmpty(address);
    return false;
  }
  bytes_ = bytes_ - from + to;
  held.bytes = held.bytes - from + to;
  DropIfEmpty(address);
  return true;
}

void Intake::DropIfEmpty(const std::string& address) {
  const auto found = by_address_.find(address);
  if (found->second.connections == 0 && found->second.bytes == 0) by_address_.erase(found);
}

}  // namespace skiff::http
