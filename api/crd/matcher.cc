#include "api/crd/matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <unordered_map>

#include "base/mutex.h"

namespace skiff::crd {
namespace {

constexpr size_t kPoolMin = 64;

// Remembers matchers as long as somebody has them.
class MatcherPool {
 public:
  std::shared_ptr<const Matcher> Take(const std::string& pattern) {
    const MutexLock lock(mutex_);
    std::weak_ptr<const Matcher>& known = known_[pattern];
    if (auto found = known.lock()) return found;
    auto made = std::make_shared<const Matcher>(pattern);
    known = made;
    if (known_.size() >= sweep_at_) Sweep();
    return made;
  }

 private:
  void Sweep() REQUIRES(mutex_) {
    std::erase_if(known_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max(kPoolMin, 2 * known_.size());
  }

  Mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<const Matcher>> known_ GUARDED_BY(mutex_);
  size_t sweep_at_ GUARDED_BY(mutex_) = kPoolMin;
};

}  // namespace

Matcher::Matcher(std::string pattern) : pattern_(std::move(pattern)) {}
Matcher::~Matcher() = default;

bool Matcher::Matches(std::string_view text) const {
  std::call_once(once_, [this] {
    compiled_ = std::make_unique<const re2::RE2>(pattern_, re2::RE2::Quiet);
    is_compiled_ = true;
  });
  return !compiled_->ok() || re2::RE2::PartialMatch(text, *compiled_);
}

std::shared_ptr<const Matcher> SharedMatcher(const std::string& pattern) {
  static MatcherPool pool;
  return pool.Take(pattern);
}

}  // namespace skiff::crd
