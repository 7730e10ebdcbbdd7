#include "skiff/snapshot/program.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/flags.h"
#include "base/shell_word.h"
#include "base/terminal.h"
#include "skiff/cluster_choice.h"
#include "skiff/columns.h"
#include "skiff/daemon.h"
#include "skiff/given_flags.h"
#include "skiff/host_facts.h"
#include "skiff/node_flags.h"
#include "skiff/simulated_nodes.h"
#include "skiff/snapshot/fork.h"
#include "skiff/snapshot/restore.h"
#include "skiff/snapshot/store_copy.h"
#include "skiff/status_text.h"
#include "skiff/up.h"

namespace skiff {
namespace {

namespace fs = std::filesystem;

constexpr char kSnapshotUsage[] =
    "usage: skiff snapshot save FILE|restore FILE|fork NAME|ls [FILE|DIRECTORY...] [flags]";
constexpr char kStandard[] = "-";  // In place of a file.
constexpr char kSnapshotHelp[] = R"(A cluster as a file, back from it, and a second time.

  save FILE      keep all objects, certificates and keys of a cluster in FILE
                 (a tar archive), while it runs or not; - is standard output
  restore FILE   make a data directory of it, from which `skiff up` starts
  fork NAME      copy the cluster, and run the copy beside it, with simulated nodes
  ls             list snapshots, and the forks of a cluster

Images, volumes and logs of nodes are not in it. `skiff snapshot VERB --help` lists the flags.
)";

struct SnapshotFlags {
  ClusterOptions cluster;
  KubeconfigWords words;
  bool force = false;
  std::string bump_revision = "1000000000";
  int secure_port = 0;
  int nodes = 0;
};

std::string NodesText(const SnapshotFacts& facts) {
  if (const auto nodes = facts.SimulatedNodes()) return fmt::format("{} simulated", *nodes);
  return facts.cluster.is_object() ? "containers" : "none";
}

Result<> Save(const SnapshotFlags& flags, const std::string& path) {
  const std::string& data_dir = flags.cluster.data_dir;
  const bool to_stream = path == kStandard;
  if (to_stream && isatty(STDOUT_FILENO)) {
    return Fail(Reason::kInvalid,
                "a snapshot is an archive with keys in it, and is not written to a terminal: send "
                "it to a file or a program");
  }
  std::string aside = fs::path(path).parent_path();
  if (to_stream) aside = fs::temp_directory_path();
  if (aside.empty()) aside = ".";
  const auto copy = TRY(StoreCopy::Take(data_dir, flags.words.file, aside));
  const SnapshotFacts facts = TRY(copy.Facts(data_dir));
  const auto saved =
      TRY(to_stream ? StreamSnapshot(STDOUT_FILENO, "standard output", facts, copy.path(), data_dir)
                    : WriteSnapshot(path, facts, copy.path(), data_dir, flags.force));
  std::fprintf(to_stream ? stderr : stdout,
               "Saved revision %llu of the cluster of %s to %s (%s, nodes: %s).\n",
               static_cast<unsigned long long>(saved.revision.value), data_dir.c_str(),
               to_stream ? "standard output" : path.c_str(), BytesText(saved.Bytes()).c_str(),
               NodesText(saved).c_str());
  return {};
}

// How the restored cluster is started with what it was made with.
std::string StartCommand(const SnapshotFacts& facts, const std::string& data_dir) {
  return facts.cluster.is_object() ? UpCommandOfCopy(data_dir)
                                   : "skiff apiserver --data-dir=" + ShellWord(data_dir);
}

Result<> RestoreFrom(const SnapshotFlags& flags, const std::string& path) {
  if (path == kStandard) {
    return Fail(Reason::kInvalid,
                "a snapshot is checked as a whole before anything of it is used: save what comes "
                "to a file, and restore that");
  }
  RestoreOptions options{.archive = path, .data_dir = flags.cluster.data_dir, .force = flags.force};
  const std::string& bump = flags.bump_revision;
  if (bump.empty() || bump.size() > 18 ||
      bump.find_first_not_of("0123456789") != std::string::npos) {
    return Fail(Reason::kInvalid,
                fmt::format("invalid argument \"{}\" for \"--bump-revision\" flag: a number of "
                            "revisions, 18 digits at most",
                            bump));
  }
  options.bump_revision = std::stoull(bump);
  const Restored restored = TRY(Restore(options));
  std::printf(
      "Restored revision %llu, of %s, into %s.\n"
      "It goes on from revision %llu: whoever watched the cluster before begins anew.\n"
      "  %s\n",
      static_cast<unsigned long long>(restored.facts.revision.value),
      Time(restored.facts.created).Rfc3339().c_str(), options.data_dir.c_str(),
      static_cast<unsigned long long>(restored.revision.value),
      StartCommand(restored.facts, options.data_dir).c_str());
  return {};
}

// The files that are meant: those of a directory are looked at, and passed over where they are
// something else.
std::vector<std::string> Archives(const std::vector<std::string>& words) {
  std::vector<std::string> paths;
  for (const std::string& word : words) {
    std::error_code error;
    if (!fs::is_directory(word, error)) {
      paths.push_back(word);
      continue;
    }
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(word, error)) {
      const std::string path = word == "." ? entry.path().filename() : entry.path();
      if (!entry.is_regular_file(error)) continue;
      if (SnapshotArchive::Begins(path) || SnapshotArchive::Open(path)) found.push_back(path);
    }
    std::sort(found.begin(), found.end());
    paths.insert(paths.end(), found.begin(), found.end());
  }
  return paths;
}

// What is wrong with one, without its name: "cut off, within store/000012.sst".
std::string DamageOf(const std::string& path, const Error& error) {
  const std::string named = path + " is ";
  return error.message.starts_with(named) ? error.message.substr(named.size()) : error.message;
}

// One that is damaged says of itself what can be read of it.
std::vector<std::string> SnapshotRow(const std::string& path,
                                     const Result<SnapshotArchive>& archive,
                                     const Result<>& whole) {
  const std::string state = whole ? "whole" : DamageOf(path, whole.error());
  if (!archive) return {path, "-", "-", "-", "-", "-", state};
  const SnapshotFacts& facts = archive->facts();
  return {path,
          Time(facts.created).Rfc3339(),
          std::to_string(facts.revision.value),
          NodesText(facts),
          BytesText(facts.Bytes()),
          facts.kubernetes,
          state};
}

// 1 where one of them is damaged, which its row says.
Result<int> ListSnapshots(const SnapshotFlags& flags, const std::vector<std::string>& words) {
  std::vector<std::vector<std::string>> rows = {
      {"SNAPSHOT", "CREATED", "REVISION", "NODES", "SIZE", "KUBERNETES", "STATE"}};
  std::string wrong;
  int code = 0;
  for (const std::string& path : Archives(words.empty() ? std::vector<std::string>{"."} : words)) {
    const auto archive = SnapshotArchive::Open(path);
    const Result<> whole = archive ? archive->Extract("") : Fail(archive.error());
    if (!whole) code = 1;
    if (whole || SnapshotArchive::Begins(path)) {
      rows.push_back(SnapshotRow(path, archive, whole));
    } else {
      wrong += (wrong.empty() ? "" : "\nerror: ") + whole.error().message;
    }
  }
  const auto forks = ForksOf(flags.cluster.data_dir);
  if (rows.size() > 1) std::printf("%s", InColumns(rows).c_str());
  if (rows.size() == 1 && forks.empty() && wrong.empty()) {
    std::printf("No snapshots here, and no forks of the cluster of %s.\n",
                flags.cluster.data_dir.c_str());
  }
  if (!forks.empty()) {
    std::vector<std::vector<std::string>> fork_rows = {{"FORK", "RUNS", "OF"}};
    for (const ForkedFrom& fork : forks) {
      fork_rows.push_back({fork.fork_data_dir, fork.running ? "yes" : "no", fork.data_dir});
    }
    if (rows.size() > 1) std::printf("\n");
    std::printf("%s", InColumns(fork_rows).c_str());
  }
  if (!wrong.empty()) return Fail(Reason::kBadRequest, wrong);
  return code;
}

Result<int> ForkTo(const SnapshotFlags& flags, const std::string& name) {
  TRY(CheckFlagNumber("nodes", flags.nodes, 0, kSimulatedNodesMax));
  TRY(CheckFlagNumber("secure-port", flags.secure_port, 0, 65535));
  const int code = TRY(Fork({.name = name,
                             .data_dir = flags.cluster.data_dir,
                             .kubeconfig = flags.words.file,
                             .secure_port = flags.secure_port,
                             .nodes = flags.nodes}));
  // It goes on when the other cluster ends.
  if (code == 0) {
    std::printf("`skiff down --data-dir=%s` ends it.\n",
                ShellWord(ForkDirectory(flags.cluster.data_dir, name)).c_str());
  }
  return code;
}

// What stands behind the verb.
const char* WordsOf(const std::string& verb) {
  if (verb == "ls") return "[FILE|DIRECTORY...]";
  return verb == "fork" ? "NAME" : "FILE";
}

Result<int> RunSnapshot(const std::string& verb, const SnapshotFlags& flags,
                        const std::vector<std::string>& words) {
  if (flags.cluster.data_dir.empty()) {
    return Fail(Reason::kInvalid, "--data-dir: it must not be empty");
  }
  if (verb == "ls") return ListSnapshots(flags, words);
  const char* what = WordsOf(verb);
  if (words.size() != 1 || words[0].empty()) {
    return Fail(Reason::kInvalid,
                fmt::format("`skiff snapshot {0}` takes one {1}: skiff snapshot {0} {1} [flags]",
                            verb, what));
  }
  if (verb == "fork") return ForkTo(flags, words[0]);
  if (verb == "save") {
    TRY(Save(flags, words[0]));
  } else {
    TRY(RestoreFrom(flags, words[0]));
  }
  return 0;
}

void AddSnapshotFlags(Flags& flags, const std::string& verb, SnapshotFlags& to) {
  AddDataDirFlag(flags, to.cluster);
  if (verb == "save" || verb == "fork") {
    flags.Add("kubeconfig", to.words.file,
              "By which its server is asked, where that is a `skiff apiserver`; by default the "
              "administrator's of the data directory, which is that of the cluster that this file "
              "names where no --data-dir is given.");
    flags.Add("context", to.words.context,
              "Of the cluster of this context, in place of the current one.");
  } else {
    AddKubeconfigFlags(flags, to.words);
  }
  if (verb == "save") flags.Add("force", to.force, "Replace FILE.");
  if (verb == "restore") {
    flags.Add("force", to.force, "Replace the cluster that the data directory holds, for good.");
    flags.Add("bump-revision", to.bump_revision,
              "How far beyond the newest revision the restored cluster goes on; more than were "
              "written since the snapshot.");
  }
  if (verb == "fork") {
    flags.Add("secure-port", to.secure_port,
              "The port of the fork's API server; 0: the next that is free.");
    flags.Add("nodes", to.nodes, "Simulate so many nodes; 0: as many as the other has.");
  }
}

// A cluster that is found by --kubeconfig is asked by the administrator's own, if it runs at all.
// Where none is made by `up`, the server that the file names may be a `skiff apiserver`.
Result<> ChooseByKubeconfig(const Flags& flags, const std::string& verb, SnapshotFlags& to) {
  const std::string usual = to.cluster.data_dir;
  const auto chosen = ChooseDataDir(flags, to.words, "skiff snapshot " + verb, to.cluster);
  const bool may_be_alone =
      (verb == "save" || verb == "fork") && !to.words.file.empty() && !HasClusterMark(usual);
  if (!chosen && (!may_be_alone || chosen.error().reason != Reason::kNotFound)) {
    return Fail(chosen.error());
  }
  if (chosen && !IsGiven(flags, "data-dir")) to.words.file.clear();
  return {};
}

}  // namespace

int SnapshotMain(const std::vector<std::string>& args) {
  const std::string verb = args.empty() ? "" : args[0];
  if (verb == "--help" || verb == "-h") {
    const std::string help = fmt::format("{}\n\n{}", kSnapshotUsage, kSnapshotHelp);
    std::printf("%s", Wrapped(help, TerminalWidth()).c_str());
    return 0;
  }
  if (verb != "save" && verb != "restore" && verb != "fork" && verb != "ls") {
    return RefuseVerb(verb, {"save", "restore", "fork", "ls"}, kSnapshotUsage);
  }
  SnapshotFlags to;
  Flags flags(fmt::format("skiff snapshot {} {}", verb, WordsOf(verb)));
  AddSnapshotFlags(flags, verb, to);
  std::vector<std::string> words;
  if (const auto parsed = flags.Parse({args.begin() + 1, args.end()}, &words); !parsed) {
    return Complain(parsed.error().message);
  }
  if (flags.help_asked()) {
    std::printf("%s", flags.Help().c_str());
    return 0;
  }
  if (const auto chosen = ChooseByKubeconfig(flags, verb, to); !chosen) {
    return Complain(chosen.error().message);
  }
  MakePathsAbsolute(to.cluster);
  const auto code = RunSnapshot(verb, to, words);
  return code ? *code : Complain(code.error().message);
}

}  // namespace skiff
