#include "apiserver/kinds/made_discovery.h"

namespace skiff {

std::optional<http::Response> MadeDiscovery::Find(const State& state, std::string_view name) {
  std::shared_ptr<const Made> made;
  {
    MutexLock lock(mutex_);
    if (state_ != state) return std::nullopt;
    const auto found = made_.find(name);
    if (found == made_.end()) return std::nullopt;
    made = found->second;
  }
  http::Response response;
  response.headers = made->headers;
  response.content_type = made->content_type;
  response.body = made->body;
  return response;
}

void MadeDiscovery::Keep(const State& state, std::string name, const http::Response& response) {
  auto made = std::make_shared<const Made>(
      Made{response.headers, response.content_type, response.body});
  const size_t bytes = name.size() + response.body.size();
  MutexLock lock(mutex_);
  if (state_ != state || bytes_ + bytes > kBytesMax) {
    made_.clear();
    bytes_ = 0;
    state_ = state;
  }
  if (bytes > kBytesMax) return;
  if (made_.emplace(std::move(name), std::move(made)).second) bytes_ += bytes;
}

}  // namespace skiff
