// Commands in containers (exec, attach): this terminal's side.
#pragma once

#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "client/object_key.h"
#include "http/client.h"

namespace skiff::cli {

struct RemoteRequest {
  ObjectKey pod;
  std::string subresource;  // "exec", "attach"
  std::string container;
  std::vector<std::string> command;
  bool with_stdin = false;
  bool tty = false;
  bool redraws =
      false;  // What is at the terminal is to draw itself anew, as it does at a new size.
  int input = STDIN_FILENO;                   // Where the command's input is read.
  std::function<void(std::string_view)> out;  // Empty: our own output.
  std::function<void(std::string_view)> err;  // Empty: our own.
};

// Carries input, output and error, and the terminal's size, until the remote side ends. Returns the
// exit code of the command; the verb ends where who read its output has left. Speaks WebSocket, and
// SPDY to who refuses that.
Result<int> RunRemote(Command& command, const RemoteRequest& request);

// Attaches to a container of `pod`. Unless `quiet` it says beforehand what becomes of what is
// typed, and after a session at the terminal how to be back at a container that goes on.
Result<int> RunAttached(Command& command, const Json& pod, RemoteRequest request, bool quiet);

// Whether to ask for a terminal on the other side: where none is on ours there is none to offer,
// which is said unless `quiet`; without input, nobody asks why.
struct TerminalWish {
  bool with_stdin = false;
  bool tty = false;
  bool quiet = false;
};
bool TakesTerminal(Command& command, const TerminalWish& wish);

// How to reach the API server for what is not a plain request.
struct ServerAddress {
  http::Upstream upstream;
  std::string path_prefix;
  http::Headers headers;  // Who asks.
};
Result<ServerAddress> AddressOf(const Session& session);

// The container to use: the one named, the annotated default, or the first; says on standard error
// which one it took. `missing` is the error for a name the pod does not have, with {0} and {1}.
Result<std::string> ChooseContainer(Command& command, const Json& pod, const std::string& named,
                                    const char* missing, bool quiet = false);

// What of a pod is wanted.
enum class PodUse { kCommands, kLogs };
// The pod that "NAME", "pod/NAME" or "deploy/NAME" means: of several the one that kubectl takes for
// that use; where it is for logs, it has said on standard error which that is. Where there is none
// of an object yet, one is awaited for `timeout`.
Result<Json> FindPod(Command& command, const std::string& word, PodUse use, Duration timeout);
// A usage error where --pod-running-timeout says nothing that could be waited for.
Result<> CheckPodRunningTimeout(const Command& command, Duration timeout);

}  // namespace skiff::cli
