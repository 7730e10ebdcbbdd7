#include "cli/environment.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/process.h"
#include "base/terminal.h"
#include "cli/colours.h"
#include "http/socket.h"

namespace skiff::cli {
namespace {

// 0, or the errno with which it failed.
int WriteTo(FILE* file, std::string_view text) {
  const bool is_taken = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  return is_taken && std::fflush(file) == 0 ? 0 : errno;
}

std::string ReadAllInput() {
  std::string text;
  char buffer[1 << 14];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), stdin)) {
    text.append(buffer, count);
  }
  return text;
}

std::string ReadLine() {
  std::string line;
  for (int c = std::getchar(); c != EOF && c != '\n'; c = std::getchar()) {
    line += static_cast<char>(c);
  }
  return line;
}

// Another program gets signals as we found them.
int Become(const std::string& path, const std::vector<std::string>& args) {
  std::vector<std::string> copies = args;
  std::string name = path;
  std::vector<char*> words = {name.data()};
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  std::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  execv(path.c_str(), words.data());
  std::fprintf(stderr, "Error: cannot run %s: %s\n", path.c_str(), std::strerror(errno));
  return 1;
}

bool HasVariable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

// Where there is a screen, or somebody has said by what. A browser lives on when we end; what only
// hands the link to one may have ended by the time that we look.
bool Browse(const std::string& link) {
  std::string program = "xdg-open";
  if (HasVariable("BROWSER")) {
    program = std::getenv("BROWSER");
  } else if (!HasVariable("DISPLAY") && !HasVariable("WAYLAND_DISPLAY")) {
    return false;
  }
  if (!FindProgram(program)) return false;
  (void)SpawnDaemon({.argv = {program, link}, .log_path = "/dev/null"});
  return true;
}

}  // namespace

Environment SystemEnvironment(const Clock& clock) {
  auto fault = std::make_shared<std::atomic<int>>(0);
  auto is_lost = std::make_shared<std::atomic<bool>>(false);
  auto has_left = std::make_shared<std::atomic<bool>>(false);
  return {
      .out =
          [fault, is_lost, has_left](std::string_view text) {
            const int error = WriteTo(stdout, text);
            if (error != 0) *is_lost = true;
            if (error == EPIPE) *has_left = true;
            if (error != 0 && error != EPIPE) *fault = error;
          },
      .err =
          [is_lost, has_left](std::string_view text) {
            if (WriteTo(stderr, text) != EPIPE) return;
            *is_lost = true;
            *has_left = true;
          },
      .read_input = ReadAllInput,
      .variable =
          [](const std::string& name) {
            const char* value = std::getenv(name.c_str());
            return std::string(value ? value : "");
          },
      .has_variable = [](const std::string& name) { return std::getenv(name.c_str()) != nullptr; },
      .connect = [](const HttpsOptions& options) { return MakeHttpsTransport(options); },
      .pause =
          [](Duration duration) {
            const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration);
            (void)poll(nullptr, 0, static_cast<int>(ms.count()));  // EINTR only ends it early.
          },
      .clock = clock,
      .read_line = ReadLine,
      .become = Become,
      .browse = Browse,
      .output_fault =
          [fault] { return *fault == 0 ? "" : "write /dev/stdout: " + http::ErrnoText(*fault); },
      .is_output_lost = [is_lost] { return is_lost->load(); },
      .has_reader_left = [has_left] { return has_left->load(); },
      .has_colours = OutputHasColours(),
      .columns = TerminalWidth()};
}

}  // namespace skiff::cli
