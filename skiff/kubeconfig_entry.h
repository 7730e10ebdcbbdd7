// One cluster's entry among others in somebody's kubeconfig file. What is not ours there stays as
// it is, also what we could not read: a user's exec plugin, extensions.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "client/kubeconfig.h"

namespace skiff {

// ~/.kube/config. NotFound: HOME is not set.
Result<std::string> PathOfUsersKubeconfig();
// Of the cluster with this data directory: "skiff", and "skiff-NAME" for a directory NAME.
std::string ContextNameOf(const std::string& data_dir);

// Conflict where the file has something of that name which is not the cluster at `server`.
Result<> RequireFreeEntry(const std::string& path, const std::string& name,
                          const std::string& server);
// The same of a cluster that is known by its authority: one of those in the kubeconfig at
// `own_path`, which need not be there.
Result<> RequireOwnOrFreeEntry(const std::string& path, const std::string& name,
                               const std::string& own_path);
// Puts the contexts, clusters and users of `entry` there, in place of those of the same names, and
// makes its current context the file's. Where a data directory is given, the clusters say that they
// are kept there: in an extension, which kubectl leaves alone.
Result<> PutIntoKubeconfigFile(const std::string& path, const Kubeconfig& entry,
                               const std::string& data_dir = "");
// Where the first of the files that knows the cluster of that name says that it is kept; "": it
// does not say so.
std::string DataDirSaidIn(const std::vector<std::string>& paths, const std::string& cluster);

// Takes the context, cluster and user of that name out of the file, and its current context if that
// is the one. The rest stays; a file that is not there or knows no such name is left alone.
Result<> RemoveFromKubeconfigFile(const std::string& path, const std::string& name);
// The same if the cluster of that name is one of those in the kubeconfig at `own_path`, by its
// authority; true when it was.
Result<bool> RemoveOwnEntry(const std::string& path, const std::string& name,
                            const std::string& own_path);

// The cluster of a context, of the current one where `context` is ""; nullptr: it names none.
const Kubeconfig::Cluster* ClusterNamedBy(const Kubeconfig& config,
                                          const std::string& context = "");
// Whether what that context has of certificates and keys can be read: Invalid names the field, and
// the entry that it is in. Files that it names are not looked into.
Result<> CheckCertificateData(const Kubeconfig& config, const std::string& context = "");

}  // namespace skiff
