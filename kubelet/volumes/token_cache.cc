#include "kubelet/volumes/token_cache.h"

#include <algorithm>

#include "api/values.h"
#include "base/hash.h"
#include "base/whole_file.h"

namespace skiff::kubelet {

std::optional<std::string> KeptToken(const std::string& path, int64_t lifetime_seconds,
                                     TimePoint now) {
  auto kept = ReadWholeFile(path);
  if (!kept) return std::nullopt;
  std::string token = std::move(*kept);
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const auto claims = FromBase64Url(std::string_view(token).substr(first + 1, second - first - 1));
  if (!claims) return std::nullopt;
  const Json document = Json::parse(*claims, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return std::nullopt;
  // What lies there may have been written by somebody else.
  const auto member = document.find("iat");
  if (member == document.end() || !member->is_number_integer()) return std::nullopt;
  const int64_t issued = member->get<int64_t>();
  if (issued <= 0) return std::nullopt;
  const int64_t age =
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count() - issued;
  constexpr int64_t kDay = 24 * 3600;
  const int64_t refresh_after = std::min(lifetime_seconds * 8 / 10, kDay);
  if (age < 0 || age > refresh_after) return std::nullopt;
  return token;
}

}  // namespace skiff::kubelet
