#include "api/patch/known_fields.h"

#include <utility>

namespace skiff {

KnownFields& KnownFields::Instance() {
  static KnownFields known;
  return known;
}

std::optional<RawJson> KnownFields::Find(const std::string& shape) {
  const MutexLock lock(mutex_);
  const auto found = fields_.find(shape);
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

void KnownFields::Learn(std::string shape, const RawJson& fields) {
  const size_t bytes = shape.size() + fields.Text().size();
  if (bytes > kBytesMax / 8) return;
  const MutexLock lock(mutex_);
  if (bytes_ + bytes > kBytesMax) {
    fields_.clear();
    bytes_ = 0;
  }
  if (fields_.emplace(std::move(shape), fields).second) bytes_ += bytes;
}

}  // namespace skiff
