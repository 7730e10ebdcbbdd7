// A schema's pattern: compiled when a text is first held against it, and once for all schemas that
// have it, as one definition's versions mostly do, and its next form.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace skiff::crd {

// Thread-safe.
class Matcher {
 public:
  explicit Matcher(std::string pattern);
  ~Matcher();

  // Everything matches what is no pattern: validation of the definition has said so.
  bool Matches(std::string_view text) const;
  // Whether anybody has needed it yet.
  bool is_compiled() const { return is_compiled_; }

 private:
  const std::string pattern_;
  mutable std::once_flag once_;
  mutable std::atomic<bool> is_compiled_ = false;
  mutable std::unique_ptr<const re2::RE2> compiled_;
};

// The matcher of this pattern that is in use somewhere, or a new one.
std::shared_ptr<const Matcher> SharedMatcher(const std::string& pattern);

}  // namespace skiff::crd
