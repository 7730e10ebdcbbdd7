// What a HAProxy that runs is told so that its maps and its certificates become others, without
// another worker: which host and path is led to which of its backends, and what a certificate that
// it shows already is by now. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace skiff::ingress {

struct ContentCommand {
  std::string text;
  std::string done;  // What an answer has that says so; "": nothing is answered.
};

// More is not told one by one.
inline constexpr size_t kContentCommandsMax = 1000;
// HAProxy reads a command, with what it brings along, into a buffer of 16 KiB.
inline constexpr size_t kContentCommandBytesMax = 15 << 10;

// `before` and `after` are files of a HaproxyConfig of the same structure, by their names. What is
// new comes before what goes. Unset: a reload has to do it.
std::optional<std::vector<ContentCommand>> ContentChanges(
    const std::map<std::string, std::string>& before,
    const std::map<std::string, std::string>& after);
bool IsContentDone(const ContentCommand& command, const std::string& answer);

}  // namespace skiff::ingress
