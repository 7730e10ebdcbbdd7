// Which of a machine's clusters a program is about that works on a data directory: the kubeconfig's
// word is heard first, as kubectl hears it.
#pragma once

#include <string>
#include <vector>

#include "base/flags.h"
#include "skiff/cluster.h"

namespace skiff {

// What says which cluster is meant, where --data-dir does not.
struct KubeconfigWords {
  std::string file;      // --kubeconfig
  std::string context;   // --context
  std::string variable;  // KUBECONFIG
  std::string home;      // HOME, whose .kube/config counts where nothing else is said.
};

struct ChosenCluster {
  std::string data_dir;
  std::string because;  // "KUBECONFIG=/x/admin.kubeconfig names it"; "" of the usual one.
};

// The cluster whose own kubeconfig has the server and the authority that the words name, of those
// kept beside the files, where a file says that it was merged from, in `usual`, and of those that
// run here. `usual` where no cluster is named at all, and where only ~/.kube/config names one,
// which is elsewhere. NotFound where --kubeconfig, --context or KUBECONFIG names a cluster of which
// nothing is kept here, or a file that is not there: what happened to another one in its place
// nobody asked for. `command` is what was typed, "skiff down", of which the error says how it is
// meant.
Result<ChosenCluster> ChooseCluster(const KubeconfigWords& words, const std::string& usual,
                                    const std::string& command);

// --kubeconfig and --context of a program whose --data-dir need not be given.
void AddKubeconfigFlags(Flags& flags, KubeconfigWords& to);

// Puts the directory of the cluster that is meant into the options, unless --data-dir was given;
// returns why it is that one, "" of the usual one. KUBECONFIG and HOME are the environment's.
Result<std::string> ChooseDataDir(const Flags& flags, KubeconfigWords words,
                                  const std::string& command, ClusterOptions& options);
// The same of a program that makes a cluster where none is: one that is elsewhere is passed over.
std::string DataDirToStart(const Flags& flags, ClusterOptions& options);

// "The cluster of /x does not run: `skiff up ...` starts it."
std::string StoppedText(const std::string& data_dir);
// The same of the cluster that kubectl's verbs ask with these flags, "" where they are not given,
// in this environment; "" where that one runs, or is not kept here.
std::string HowToStart(const std::string& kubeconfig, const std::string& context);

// Whether kubectl's verbs without any flag ask the cluster of that directory, in this environment.
bool DoVerbsMean(const std::string& data_dir);
// Whether `down` and its like without any flag are about another one than that of the usual
// directory, or may be: they ask for flags then.
bool IsAnotherMeant(const std::string& usual);

// The file that KUBECONFIG names, the first of them, where none of them is there; "" else.
std::string MissingKubeconfig();
// What whoever has started a cluster in such an environment is to know of that file; "" where there
// is none. A line.
std::string NoteOfMissingKubeconfig();

// The name of the cluster in Docker that KUBECONFIG names, "" where it names none of them; their
// kubeconfigs lie in `directory`.
std::string DockerClusterOfVariable(const std::string& directory);

}  // namespace skiff
