#include "apiserver/auth/shown_user.h"

#include "api/text/utf8.h"

namespace skiff {
namespace {

std::vector<std::string> Mended(const std::vector<std::string>& texts) {
  std::vector<std::string> out;
  out.reserve(texts.size());
  for (const std::string& each : texts) out.push_back(MendUtf8(each));
  return out;
}

}  // namespace

User ShownUser(const User& user) {
  User shown{.name = MendUtf8(user.name), .uid = MendUtf8(user.uid), .groups = Mended(user.groups)};
  for (const auto& [key, values] : user.extra) shown.extra[MendUtf8(key)] = Mended(values);
  return shown;
}

}  // namespace skiff
