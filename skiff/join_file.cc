#include "skiff/join_file.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "apiserver/auth/pki.h"
#include "base/mutex.h"

namespace skiff {

Result<JoinFile> ReadJoinFile(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return Fail(Reason::kNotFound, path + " is not there");
  }
  const std::string whole = TRY(ReadWholeFile(path));
  std::istringstream text(whole);
  JoinFile file;
  std::string word, value;
  while (text >> word >> value) {
    if (word == "ca-hash") file.authority_pin = value;
    const auto token = BootstrapToken::Parse(value);
    if (word == "token" && token) file.token = *token;
  }
  if (!file.token.id.empty() && !file.authority_pin.empty()) return file;
  return Fail(Reason::kInvalid,
              path + " holds no token and hash, as `skiff up --join-file` writes them");
}

Result<> WriteJoinFile(const std::string& path, const JoinFile& file) {
  return WriteWholeFile(
      path, fmt::format("token {}\nca-hash {}\n", file.token.Text(), file.authority_pin), 0600);
}

Result<JoinFile> AwaitJoinFile(const std::string& path, const Clock& clock, Duration patience) {
  // Volumes of other machines tell of no changes: it is looked for now and then.
  constexpr Duration kPause = 200ms;
  const Duration deadline = clock.Monotonic() + patience;
  Mutex mutex;
  CondVar never;
  while (true) {
    auto file = ReadJoinFile(path);
    const bool may_come = !file && file.error().reason == Reason::kNotFound;
    if (!may_come || clock.Monotonic() >= deadline) return file;
    MutexLock lock(mutex);
    never.wait_for(lock, kPause, [] { return false; });
  }
}

}  // namespace skiff
