#include "cli/editor.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "api/text/go_text.h"
#include "base/process.h"
#include "cli/json_text.h"

extern char** environ;  // NOLINT: the C library's own name.

namespace skiff::cli {

Result<ScratchFile> ScratchFile::Create(const std::string& form, const std::string& suffix) {
  const char* directory = std::getenv("TMPDIR");
  const std::string where = directory != nullptr && *directory != '\0' ? directory : "/tmp";
  std::string path = (std::filesystem::path(where) / (form + suffix)).string();
  const int file = mkstemps(path.data(), static_cast<int>(suffix.size()));
  if (file < 0) return CliError(fmt::format("cannot create a file like {}", path));
  close(file);
  return ScratchFile(std::move(path));
}

ScratchFile::~ScratchFile() {
  std::error_code ignored;  // A file in /tmp that stays hurts nobody.
  if (!path_.empty()) std::filesystem::remove(path_, ignored);
}

Result<> ScratchFile::Write(const std::string& text) const {
  std::ofstream out(path_, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) return CliError(fmt::format("cannot write {}", path_));
  return {};
}

Result<std::string> ScratchFile::Read() const {
  std::ifstream in(path_, std::ios::binary);
  if (!in) return CliError(fmt::format("open {}: no such file or directory", path_));
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

namespace {

// The terminal sends its interrupts to all who share it; while another program has it they are that
// one's, which may do something else by them than end.
class InterruptsLeft {
 public:
  InterruptsLeft() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    for (auto& [signal, before] : kept_) sigaction(signal, &ignore, &before);
  }
  ~InterruptsLeft() {
    for (const auto& [signal, before] : kept_) sigaction(signal, &before, nullptr);
  }
  InterruptsLeft(const InterruptsLeft&) = delete;
  InterruptsLeft& operator=(const InterruptsLeft&) = delete;
  // Those that nobody ignored before.
  void AddTo(sigset_t& set) const {
    for (const auto& [signal, before] : kept_) {
      if (before.sa_handler != SIG_IGN) sigaddset(&set, signal);
    }
  }

 private:
  std::pair<int, struct sigaction> kept_[2] = {{SIGINT, {}}, {SIGQUIT, {}}};
};

}  // namespace

Result<int> RunAttached(const Args& argv) {
  const auto program = FindProgram(argv[0]);
  if (!program) return CliError(fmt::format("exec: {}: not found", GoQuote(argv[0])));
  std::vector<char*> words;
  Args copies = argv;
  for (std::string& word : copies) words.push_back(word.data());
  words.push_back(nullptr);
  // The child gets the signals back that we ignore or block.
  const InterruptsLeft interrupts;
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults = none;
  sigaddset(&defaults, SIGPIPE);
  interrupts.AddTo(defaults);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, program->c_str(), nullptr, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return CliError(fmt::format("cannot start {}", argv[0]));
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return CliError(fmt::format("lost track of {}", argv[0]));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<> RunEditor(Command& command, const std::string& path) {
  const auto& variable = command.environment().variable;
  std::string editor = variable("KUBE_EDITOR");
  if (editor.empty()) editor = variable("EDITOR");
  if (editor.empty()) editor = "vi";
  // Plain words are run as they are; a line with quotes or the like is the shell's.
  Args argv;
  if (editor.find_first_of("\"'\\") == std::string::npos) {
    for (std::string& word : Split(editor, ' ')) {
      if (!word.empty()) argv.push_back(std::move(word));
    }
    argv.push_back(path);
  } else {
    argv = {"/bin/sh", "-c", editor + " " + path};
  }
  const auto code = RunAttached(argv);
  if (!code) {
    return CliError(fmt::format("unable to launch the editor {}", GoQuote(editor)));
  }
  if (*code != 0)
    return CliError(fmt::format("there was a problem with the editor {}", GoQuote(editor)));
  return {};
}

}  // namespace skiff::cli
