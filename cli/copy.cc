// `cp`: files into containers and out of them, through the `tar` at either end.
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "api/pods/pod_phase.h"
#include "api/text/go_text.h"
#include "base/process.h"
#include "base/shell_word.h"
#include "cli/json_text.h"
#include "cli/session.h"
#include "cli/streams.h"
#include "cli/tar_filter.h"
#include "cli/verbs.h"

extern char** environ;  // NOLINT: the C library's own name.

namespace skiff::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kNoSuchContainer[] = "container {0} not found in pod {1}";

// "[[namespace/]pod:]path"
struct FileSpec {
  std::string namespace_;
  std::string pod;  // "": here.
  std::string path;
};

Result<FileSpec> ParseSpec(const std::string& text) {
  constexpr char kForm[] = "filespec must match the canonical format: [[namespace/]pod:]file/path";
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return FileSpec{"", "", text};
  if (colon == 0) return CliError(kForm);
  FileSpec spec{"", text.substr(0, colon), text.substr(colon + 1)};
  const size_t slash = spec.pod.find('/');
  if (slash == std::string::npos) return spec;
  spec.namespace_ = spec.pod.substr(0, slash);
  spec.pod.erase(0, slash + 1);
  if (spec.pod.empty() || spec.pod.find('/') != std::string::npos) return CliError(kForm);
  return spec;
}

// A local tar with one end of a pipe.
class LocalTar {
 public:
  // `reads`: it unpacks what is written to `descriptor`; otherwise it packs into it what `names`
  // says, each behind a zero.
  static Result<std::unique_ptr<LocalTar>> Start(const Args& argv, bool reads,
                                                 std::string_view names = "") {
    const auto program = FindProgram(argv[0]);
    if (!program) return CliError("tar is not installed on this machine");
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return CliError("no more descriptors");
    std::vector<char*> words;
    Args copies = argv;
    for (std::string& word : copies) words.push_back(word.data());
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[reads ? 0 : 1],
                                     reads ? STDIN_FILENO : STDOUT_FILENO);
    const int errors = memfd_create("tar", MFD_CLOEXEC);
    if (errors >= 0) posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    const int list = reads ? -1 : FileOf(names);
    if (list >= 0) posix_spawn_file_actions_adddup2(&actions, list, STDIN_FILENO);
    pid_t child = 0;
    // Without a list it would read one from whoever runs us.
    const int failed = reads || list >= 0 ? posix_spawn(&child, program->c_str(), &actions, nullptr,
                                                        words.data(), environ)
                                          : EMFILE;
    posix_spawn_file_actions_destroy(&actions);
    if (list >= 0) close(list);
    close(ends[reads ? 0 : 1]);
    const int ours = ends[reads ? 1 : 0];
    if (failed != 0) {
      close(ours);
      close(errors);
      return CliError("cannot start tar");
    }
    return std::unique_ptr<LocalTar>(new LocalTar(child, ours, errors));
  }
  ~LocalTar() {
    (void)Finish();
    close(errors_);
  }
  LocalTar(const LocalTar&) = delete;
  LocalTar& operator=(const LocalTar&) = delete;

  int descriptor() const { return descriptor_; }
  // Blocks while tar does; what it does not take is lost, and its exit code tells.
  void Write(std::string_view bytes) const { WriteTo(descriptor_, bytes); }
  // Waits for its end. What it says is told when it fails.
  Result<> Finish() {
    if (child_ == 0) return {};
    close(descriptor_);
    int status = 0;
    while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
    }
    child_ = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    std::string said(kSaidBytesMax, '\0');
    const ssize_t count = pread(errors_, said.data(), said.size(), 0);
    said.resize(static_cast<size_t>(std::max<ssize_t>(count, 0)));
    while (said.ends_with('\n')) said.pop_back();
    return CliError("tar failed on this machine: " + said);
  }

 private:
  static constexpr size_t kSaidBytesMax = 4096;
  static void WriteTo(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = write(descriptor, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return;
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }
  // One in memory, to be read from its beginning; -1 where there can be none.
  static int FileOf(std::string_view text) {
    const int file = memfd_create("names", MFD_CLOEXEC);
    if (file < 0) return file;
    WriteTo(file, text);
    lseek(file, 0, SEEK_SET);
    return file;
  }
  LocalTar(pid_t child, int descriptor, int errors)
      : child_(child), descriptor_(descriptor), errors_(errors) {}
  pid_t child_;
  const int descriptor_;
  const int errors_;  // A file in memory.
};

// tar's option that renames what begins with `from`.
std::string Renaming(const std::string& from, const std::string& to) {
  const auto escaped = [](const std::string& text, std::string_view special) {
    std::string out;
    for (const char c : text) {
      if (special.find(c) != std::string_view::npos) out += '\\';
      out += c;
    }
    return out;
  };
  return fmt::format("--transform=flags=rSh;s,^{},{},", escaped(from, "\\.[*^$,"),
                     escaped(to, "\\&,"));
}

struct CopyFlags {
  std::string container;
  bool no_preserve = false;
  int retries = 0;
};

struct Place {
  ObjectKey pod;
  std::string container;
};

Result<Place> FindPlace(Command& command, const FileSpec& spec, const CopyFlags& flags) {
  Session& session = *TRY(command.session());
  const ServedKind kind = TRY(session.kinds().Find("pods"));
  const ObjectKey key = {spec.namespace_.empty() ? session.namespace_() : spec.namespace_,
                         spec.pod};
  const Json pod = TRY(session.api().Get(kind.resource, key));
  const std::string phase = TextAt(pod, "status", "phase");
  if (HasEnded(phase)) {
    return CliError(
        fmt::format("cannot exec into a container in a completed pod; current phase is {}", phase));
  }
  // A container that is named is the server's to find.
  if (!flags.container.empty()) return Place{key, flags.container};
  return Place{key, TRY(ChooseContainer(command, pod, "", kNoSuchContainer))};
}

// As the command in the container has ended.
Result<> EndedWith(Command& command, int code) {
  if (code == 0) return {};
  command.Warn("command terminated with exit code {}\n", code);
  command.set_exit_code(code);
  return Command::ExitNow();
}

// What is packed of `own`, as kubectl does: files, links, and folders that nothing is in. A folder
// that the container has stays as it is there, and how one is made that it has not is its own
// matter: what may be read here by one user alone, a server there has to read.
Result<std::string> PackedNames(const fs::path& own) {
  const std::string folder = (own.parent_path() / "").string();
  const auto name_of = [&](const fs::path& path) {
    return path.string().substr(folder.size()) + '\0';
  };
  std::error_code code;
  const bool is_folder = fs::is_directory(own, code) && !fs::is_symlink(own, code);
  if (!is_folder || fs::is_empty(own, code)) return name_of(own);
  std::string names;
  fs::recursive_directory_iterator at(own, code);
  for (; !code && at != fs::recursive_directory_iterator(); at.increment(code)) {
    std::error_code ignored;
    const bool is_filled = at->symlink_status(ignored).type() == fs::file_type::directory &&
                           !fs::is_empty(at->path(), ignored);
    if (!is_filled) names += name_of(at->path());
  }
  if (code) return CliError(fmt::format("cannot read all of {}: {}", own.string(), code.message()));
  return names;
}

Result<> Upload(Command& command, const CopyFlags& flags, const std::string& from,
                const FileSpec& to) {
  std::error_code code;
  const fs::path source = fs::path(from).lexically_normal();
  if (!fs::exists(source, code)) {
    return CliError(fmt::format("{} doesn't exist in local filesystem", from));
  }
  const Place place = TRY(FindPlace(command, to, flags));
  // A folder that exists takes the file below its own name, as cp does.
  std::string path = to.path;
  RemoteRequest probe{.pod = place.pod,
                      .subresource = "exec",
                      .container = place.container,
                      .command = {"test", "-d", path},
                      .out = [](std::string_view) {}};
  const auto is_folder = RunRemote(command, probe);
  if (!is_folder) return Fail(is_folder.error());
  fs::path own = fs::absolute(source, code);
  if (!own.has_filename()) own = own.parent_path();
  if (*is_folder == 0) path = (fs::path(path) / own.filename()).string();
  fs::path target = fs::path(path).lexically_normal();
  if (!target.has_filename()) target = target.parent_path();
  const std::string folder = target.has_parent_path() ? target.parent_path().string() : ".";
  // The archive holds the target's name in place of the source's.
  const std::string rename = Renaming(own.filename().string(), target.filename().string());
  const std::string names = TRY(PackedNames(own));
  const auto tar = TRY(LocalTar::Start({"tar", "-C", own.parent_path().string(), rename, "--null",
                                        "--no-recursion", "-T", "-", "-cf", "-"},
                                       false, names));
  Args unpack = {"tar", "-xmf", "-"};
  if (flags.no_preserve) {
    unpack = {"tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-"};
  }
  if (folder != ".") {
    unpack.push_back("-C");
    unpack.push_back(folder);
  }
  const int ended = TRY(RunRemote(command, {.pod = place.pod,
                                            .subresource = "exec",
                                            .container = place.container,
                                            .command = unpack,
                                            .with_stdin = true,
                                            .input = tar->descriptor(),
                                            .out = {}}));
  TRY(EndedWith(command, ended));
  return tar->Finish();
}

// What is left out of a copy, under the name that it would have had here.
class SkippedEntries {
 public:
  SkippedEntries(Command& command, const Place& place, const std::string& path)
      : command_(command), place_(place), path_(path) {}
  void Tell(const std::string& name, const std::string& link) {
    if (link.empty()) {
      return command_.Warn("warning: skipping {}: neither a file nor a folder\n", GoQuote(name));
    }
    std::string hint;
    if (!std::exchange(is_hinted_, true)) {
      hint = fmt::format(" (consider using \"{} exec -n {} {} -- tar cf - {} | tar xf -\")",
                         command_.environment().program, GoQuote(place_.pod.namespace_),
                         GoQuote(place_.pod.name), GoQuote(path_));
    }
    command_.Warn("warning: skipping symlink: {} -> {}{}\n", GoQuote(name), GoQuote(link), hint);
  }

 private:
  Command& command_;
  const Place& place_;
  const std::string& path_;
  bool is_hinted_ = false;
};

// Where a copy is unpacked, and under which name there.
struct Unpacked {
  fs::path folder;
  std::string name;
};

// The content of a folder goes right into the one that is named, whether that is there or not: a
// second copy lies over the first. A file that is to go into a folder keeps its name there.
Unpacked UnpackedAs(const std::string& to, const fs::path& source, bool is_file) {
  std::error_code code;
  fs::path target = fs::path(to).lexically_normal();
  if (!target.has_filename() && target.has_parent_path()) target = target.parent_path();
  if (!is_file) return {target, "."};
  if (fs::is_directory(target, code)) return {target, source.filename().string()};
  return {target.has_parent_path() ? target.parent_path() : fs::path("."),
          target.filename().string()};
}

// Only what the archive should hold is unpacked, under the name that was asked for; tar itself
// refuses to leave the folder. The container is not trusted with more: for root tar would take
// over modes whole, and a program would be root's and setuid here; it would make devices; and a
// link to somewhere else is where the next copy would write.
Result<std::unique_ptr<LocalTar>> StartUnpacking(const std::string& inside, const Unpacked& as) {
  std::error_code code;
  if (!fs::is_directory(as.folder, code)) fs::create_directories(as.folder, code);
  Args argv = {"tar",
               "-C",
               as.folder.string(),
               "--no-same-owner",
               "--no-same-permissions",
               "--no-overwrite-dir",
               "-xmf",
               "-"};
  // Of the root all is inside.
  if (!inside.empty()) argv.insert(argv.end(), {Renaming(inside, as.name), "--", inside});
  return LocalTar::Start(argv, true);
}

// What packs `path` in the container, but for as much of the archive as is here: who is to go on
// after a cut asks a shell for the rest of what is packed anew.
Args PackingCommand(const CopyFlags& flags, const std::string& path, uint64_t received) {
  if (flags.retries == 0) return {"tar", "cf", "-", path};
  return {"sh", "-c", fmt::format("tar cf - {} | tail -c+{}", ShellWord(path), received + 1)};
}

// Has the archive of `path` go through `filter`, in as many parts as --retries allows. A part that
// the server refuses, or that is cut before anything has come, is the last. What ends without a
// fault before the archive is whole is cut, too: such is what no tar has written.
Result<> Receive(Command& command, const CopyFlags& flags, const Place& place,
                 const std::string& path, TarFilter& filter) {
  constexpr Duration kPauseBeforeRetry = 1s;
  uint64_t received = 0;
  const auto take = [&](std::string_view bytes) {
    received += bytes.size();
    filter.Take(bytes);
  };
  for (int retries = 0;; ++retries) {
    const auto code = RunRemote(command, {.pod = place.pod,
                                          .subresource = "exec",
                                          .container = place.container,
                                          .command = PackingCommand(flags, path, received),
                                          .out = take,
                                          .err = command.environment().out});
    if (code && *code != 0) return EndedWith(command, *code);
    if (!code && flags.retries == 0) return Fail(code.error());
    if (filter.ended() || filter.failed()) return {};
    const bool is_final =
        !code && (Command::IsExit(code.error()) || code.error().http_code != 0 || received == 0);
    if (is_final) return Fail(code.error());
    if (flags.retries >= 0 && retries >= flags.retries) {
      command.Print("Dropping out copy after {} retries\n", retries);
      return code ? CliError("unexpected EOF") : Fail(code.error());
    }
    command.Print("Resuming copy at {} bytes, retry {}/{}\n", received, retries + 1, flags.retries);
    command.environment().pause(kPauseBeforeRetry);
  }
}

Result<> Download(Command& command, const CopyFlags& flags, const FileSpec& from,
                  const std::string& to) {
  const Place place = TRY(FindPlace(command, from, flags));
  fs::path source = fs::path(from.path).lexically_normal();
  if (!source.has_filename()) source = source.parent_path();
  const std::string inside = source.relative_path().string();
  std::unique_ptr<LocalTar> tar;
  Result<> started;
  const TarFilter* taken = nullptr;
  // What it is, a file or a folder, says the archive.
  const auto unpack = [&](std::string_view bytes) {
    if (!taken->has_entries()) return;  // The end of an archive that holds nothing to unpack.
    if (!tar && started) {
      auto unpacking = StartUnpacking(inside, UnpackedAs(to, source, taken->is_of_file()));
      if (unpacking) {
        tar = std::move(*unpacking);
      } else {
        started = Fail(unpacking.error());
      }
    }
    if (tar) tar->Write(bytes);
  };
  SkippedEntries skipped(command, place, from.path);
  TarFilter filter(inside, unpack, [&](const std::string& name, const std::string& link) {
    const bool is_inside = name.starts_with(inside);
    const fs::path rest =
        is_inside ? fs::path(name.substr(inside.size())).relative_path() : fs::path(name);
    const fs::path here = rest.empty() ? fs::path(to) : fs::path(to) / rest;
    skipped.Tell(here.lexically_normal().string(), link);
  });
  taken = &filter;
  TRY(Receive(command, flags, place, from.path, filter));
  if (filter.failed()) {
    return CliError("the container sends no archive that could be unpacked safely");
  }
  TRY(started);
  return tar ? tar->Finish() : Result<>();
}

}  // namespace

Result<> RunCopy(Command& command, const Args& args) {
  CopyFlags flags;
  command.Flag("container,c", flags.container, "Container name.");
  command.Flag("no-preserve", flags.no_preserve, "Do not keep owners and permissions.");
  command.Flag(
      "retries", flags.retries,
      "How often a copy from a container that is cut goes on where it was; below 0: until it "
      "is whole.");
  TRY(command.Parse(args));
  if (command.words().size() != 2) {
    return CliError("source and destination are required");
  }
  const FileSpec from = TRY(ParseSpec(command.words()[0]));
  const FileSpec to = TRY(ParseSpec(command.words()[1]));
  if (!from.pod.empty() && !to.pod.empty()) {
    return CliError("one of src or dest must be a local file specification");
  }
  if (from.path.empty() || to.path.empty()) return CliError("filepath can not be empty");
  if (!from.pod.empty()) return Download(command, flags, from, to.path);
  if (!to.pod.empty()) return Upload(command, flags, from.path, to);
  return CliError("one of src or dest must be a remote file specification");
}

}  // namespace skiff::cli
