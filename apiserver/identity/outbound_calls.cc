#include "apiserver/identity/outbound_calls.h"

namespace skiff {

Result<http::TlsContext> OutboundCalls::ContextFor(const http::ClientTls& tls) {
  Key key{tls.ca_pem, tls.insecure, tls.certificate_pem, tls.key_pem};
  const MutexLock lock(mutex_);
  const auto found = contexts_.find(key);
  if (found != contexts_.end()) return found->second;
  auto made = http::MakeClientContext(tls);
  if (!made) return made;
  if (contexts_.size() >= kOutboundContextsMax) contexts_.clear();
  contexts_.emplace(std::move(key), *made);
  return made;
}

Result<FetchPtr> OutboundCalls::Begin(http::Upstream upstream, http::ClientRequest request,
                                      Wanted wanted) {
  const auto fetch = std::make_shared<Fetch>(wanted.answer_bytes_max, std::move(wanted.told));
  if (wanted.more_bytes_max > 0) fetch->MayGrow(wanted.more_bytes_max, long_answers_);
  // Under the lock, as the loops may be gone after Stop.
  const MutexLock lock(mutex_);
  if (loops_ == nullptr) return Fail(Reason::kServiceUnavailable, "this server calls nobody");
  if (stopped_) return Fail(Reason::kServiceUnavailable, "context canceled");
  std::erase_if(under_way_, [](const auto& each) { return each.expired(); });
  under_way_.insert(fetch);
  fetch->Start(*loops_, std::move(upstream), std::move(request));
  return fetch;
}

bool OutboundCalls::WaitUntil(Fetch::Deadline when) {
  MutexLock lock(mutex_);
  while (!stopped_ && std::chrono::steady_clock::now() < when) stop_.wait_until(lock, when);
  return !stopped_;
}

http::Loops* OutboundCalls::loops() {
  const MutexLock lock(mutex_);
  return stopped_ ? nullptr : loops_;
}

void OutboundCalls::Stop() {
  std::set<std::weak_ptr<Fetch>, std::owner_less<>> under_way;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    under_way.swap(under_way_);
  }
  stop_.notify_all();
  for (const auto& each : under_way) {
    if (const auto fetch = each.lock()) fetch->Cancel();
  }
}

}  // namespace skiff
