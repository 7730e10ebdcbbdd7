// Static bearer tokens: lines of token,user,uid[,"group1,group2"], as --token-auth-file holds them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "apiserver/auth/user.h"
#include "base/error.h"

namespace skiff {

class TokenFile {
 public:
  // Invalid names the line that has fewer than three columns.
  static Result<TokenFile> Parse(std::string_view text);
  const User* Find(std::string_view token) const;

 private:
  std::map<std::string, User, std::less<>> users_;
};

}  // namespace skiff
