// What may follow each verb, as kubectl's help has it, and what each is for.
#include "cli/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace skiff::cli {
namespace {

struct Line {
  std::string_view verb;
  std::string_view text;
};

// By verb.
constexpr Line kLines[] = {
    {"annotate",
     "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
     "[--resource-version=version]"},
    {"apply", "(-f FILENAME | -k DIRECTORY)"},
    {"apply edit-last-applied", "(RESOURCE/NAME | -f FILENAME)"},
    {"apply set-last-applied", "-f FILENAME"},
    {"apply view-last-applied", "(TYPE [NAME | -l label] | TYPE/NAME | -f FILENAME)"},
    {"attach", "(POD | TYPE/NAME) -c CONTAINER"},
    {"auth can-i", "VERB [TYPE | TYPE/NAME | NONRESOURCEURL]"},
    {"auth reconcile", "-f FILENAME"},
    {"autoscale",
     "(-f FILENAME | TYPE NAME | TYPE/NAME) [--min=MINPODS] --max=MAXPODS [--cpu=CPU] "
     "[--memory=MEMORY]"},
    {"certificate approve", "(-f FILENAME | NAME)"},
    {"certificate deny", "(-f FILENAME | NAME)"},
    {"completion", "SHELL"},
    {"compose config", "[-f FILENAME]... [--services | --images | --volumes | -q]"},
    {"compose convert", "[-f FILENAME]..."},
    {"compose down", "[-f FILENAME]... [--volumes]"},
    {"compose logs", "[-f] [SERVICE]..."},
    {"compose ps", "[-f FILENAME]... [SERVICE]..."},
    {"compose up", "[-f FILENAME]... [-d] [--wait]"},
    {"config delete-cluster", "NAME"},
    {"config delete-context", "NAME"},
    {"config delete-user", "NAME"},
    {"config get-contexts", "[(-o|--output=)name)]"},
    {"config rename-context", "CONTEXT_NAME NEW_NAME"},
    {"config set", "PROPERTY_NAME PROPERTY_VALUE"},
    {"config set-cluster",
     "NAME [--server=server] [--certificate-authority=path/to/certificate/authority] "
     "[--insecure-skip-tls-verify=true] [--tls-server-name=example.com]"},
    {"config set-context",
     "[NAME | --current] [--cluster=cluster_nickname] [--user=user_nickname] "
     "[--namespace=namespace]"},
    {"config set-credentials",
     "NAME [--client-certificate=path/to/certfile] [--client-key=path/to/keyfile] "
     "[--token=bearer_token] [--username=basic_user] [--password=basic_password] "
     "[--auth-provider=provider_name] [--auth-provider-arg=key=value] "
     "[--exec-command=exec_command] [--exec-api-version=exec_api_version] "
     "[--exec-arg=arg] [--exec-env=key=value]"},
    {"config unset", "PROPERTY_NAME"},
    {"config use-context", "CONTEXT_NAME"},
    {"console", "[--print]"},
    {"convert", "-f FILENAME [-o json|yaml|protobuf]"},
    {"cordon", "NODE"},
    {"cp", "<file-spec-src> <file-spec-dest>"},
    {"create", "-f FILENAME"},
    {"create clusterrole",
     "NAME --verb=verb --resource=resource.group [--resource-name=resourcename] "
     "[--dry-run=server|client|none]"},
    {"create clusterrolebinding",
     "NAME --clusterrole=NAME [--user=username] [--group=groupname] "
     "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]"},
    {"create configmap",
     "NAME [--from-file=[key=]source] [--from-literal=key1=value1] "
     "[--dry-run=server|client|none]"},
    {"create cronjob", "NAME --image=image --schedule='0/5 * * * ?' -- [COMMAND] [args...]"},
    {"create deployment", "NAME --image=image -- [COMMAND] [args...]"},
    {"create ingress", "NAME --rule=host/path=service:port[,tls[=secret]]"},
    {"create job", "NAME --image=image [--from=cronjob/name] -- [COMMAND] [args...]"},
    {"create namespace", "NAME [--dry-run=server|client|none]"},
    {"create poddisruptionbudget",
     "NAME --selector=SELECTOR --min-available=N [--dry-run=server|client|none]"},
    {"create priorityclass",
     "NAME --value=VALUE --global-default=BOOL [--dry-run=server|client|none]"},
    {"create quota",
     "NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2] "
     "[--dry-run=server|client|none]"},
    {"create role",
     "NAME --verb=verb --resource=resource.group/subresource "
     "[--resource-name=resourcename] [--dry-run=server|client|none]"},
    {"create rolebinding",
     "NAME --clusterrole=NAME|--role=NAME [--user=username] [--group=groupname] "
     "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]"},
    {"create secret", "(docker-registry | generic | tls)"},
    {"create secret docker-registry",
     "NAME --docker-username=user --docker-password=password --docker-email=email "
     "[--docker-server=string] [--from-file=[key=]source] "
     "[--dry-run=server|client|none]"},
    {"create secret generic",
     "NAME [--type=string] [--from-file=[key=]source] [--from-literal=key1=value1] "
     "[--dry-run=server|client|none]"},
    {"create secret tls",
     "NAME --cert=path/to/cert/file --key=path/to/key/file "
     "[--dry-run=server|client|none]"},
    {"create service clusterip",
     "NAME [--tcp=<port>:<targetPort>] [--dry-run=server|client|none]"},
    {"create service externalname",
     "NAME --external-name external.name [--dry-run=server|client|none]"},
    {"create service loadbalancer", "NAME [--tcp=port:targetPort] [--dry-run=server|client|none]"},
    {"create service nodeport", "NAME [--tcp=port:targetPort] [--dry-run=server|client|none]"},
    {"create serviceaccount", "NAME [--dry-run=server|client|none]"},
    {"create token", "SERVICE_ACCOUNT_NAME"},
    {"debug", "(POD | TYPE[[.VERSION].GROUP]/NAME) [ -- COMMAND [args...] ]"},
    {"delete", "([-f FILENAME] | [-k DIRECTORY] | TYPE [(NAME | -l label | --all)])"},
    {"describe", "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)"},
    {"diff", "(-f FILENAME | --since=WHEN [TYPE [NAME]])"},
    {"drain", "NODE"},
    {"edit", "(RESOURCE/NAME | -f FILENAME)"},
    {"events",
     "[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templa"
     "tefile|jsonpath|jsonpath-as-json|jsonpath-file] [--for TYPE/NAME] [--watch] "
     "[--types=Normal,Warning]"},
    {"exec", "(POD | TYPE/NAME) [-c CONTAINER] -- COMMAND [args...]"},
    {"explain",
     "TYPE [--recursive=FALSE|TRUE] [--api-version=api-version-group] "
     "[-o|--output=plaintext|plaintext-openapiv2]"},
    {"expose",
     "(-f FILENAME | TYPE NAME) [--port=port] [--protocol=TCP|UDP|SCTP] "
     "[--target-port=number-or-name] [--name=name] "
     "[--external-ip=external-ip-of-service] [--type=type]"},
    {"get",
     "[(-o|--output=)json|yaml|kyaml|name|go-template|go-template-file|template|templa"
     "tefile|jsonpath|jsonpath-as-json|jsonpath-file|custom-columns|custom-columns-fil"
     "e|wide] (TYPE[.VERSION][.GROUP] [NAME | -l label] | TYPE[.VERSION][.GROUP]/NAME "
     "...)"},
    {"kustomize", "[DIR]"},
    {"label",
     "[--overwrite] (-f FILENAME | TYPE NAME) KEY_1=VAL_1 ... KEY_N=VAL_N "
     "[--resource-version=version]"},
    {"logs", "[-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]"},
    {"patch", "(-f FILENAME | TYPE NAME) [-p PATCH|--patch-file FILE]"},
    {"port-forward", "TYPE/NAME [LOCAL_PORT:]REMOTE_PORT [...[LOCAL_PORT_N:]REMOTE_PORT_N]"},
    {"proxy", "[--port=PORT] [--www=static-dir] [--www-prefix=prefix] [--api-prefix=prefix]"},
    {"replace", "-f FILENAME"},
    {"rolling-update",
     "OLD_CONTROLLER_NAME ([NEW_CONTROLLER_NAME] --image=NEW_CONTAINER_IMAGE | -f "
     "NEW_CONTROLLER_SPEC)"},
    {"rollout history", "(TYPE NAME | TYPE/NAME)"},
    {"rollout pause", "RESOURCE"},
    {"rollout restart", "RESOURCE"},
    {"rollout resume", "RESOURCE"},
    {"rollout status", "(TYPE NAME | TYPE/NAME)"},
    {"rollout undo", "(TYPE NAME | TYPE/NAME)"},
    {"run",
     "NAME --image=image [--env=\"key=value\"] [--port=port] [--dry-run=server|client] "
     "[--overrides=inline-json] [--command] -- [COMMAND] [args...]"},
    {"scale",
     "[--resource-version=version] [--current-replicas=count] --replicas=COUNT (-f "
     "FILENAME | TYPE NAME)"},
    {"set env", "RESOURCE/NAME KEY_1=VAL_1 ... KEY_N=VAL_N"},
    {"set image",
     "(-f FILENAME | TYPE NAME) CONTAINER_NAME_1=CONTAINER_IMAGE_1 ... "
     "CONTAINER_NAME_N=CONTAINER_IMAGE_N"},
    {"set resources", "(-f FILENAME | TYPE NAME)  ([--limits=LIMITS & --requests=REQUESTS]"},
    {"set selector", "(-f FILENAME | TYPE NAME) EXPRESSIONS [--resource-version=version]"},
    {"set serviceaccount", "(-f FILENAME | TYPE NAME) SERVICE_ACCOUNT"},
    {"set subject",
     "(-f FILENAME | TYPE NAME) [--user=username] [--group=groupname] "
     "[--serviceaccount=namespace:serviceaccountname] [--dry-run=server|client|none]"},
    {"taint", "NODE NAME KEY_1=VAL_1:TAINT_EFFECT_1 ... KEY_N=VAL_N:TAINT_EFFECT_N"},
    {"top node", "[NAME | -l label]"},
    {"top pod", "[NAME | -l label]"},
    {"uncordon", "NODE"},
    {"wait",
     "([-f FILENAME] | resource.group/resource.name | resource.group [(-l label | "
     "--all)]) [--for=create|--for=delete|--for "
     "condition=available|--for=jsonpath='{}'[=value]]"},
    {"why", "(NAME | TYPE NAME | TYPE/NAME ...) [-o json|yaml]"},
};

}  // namespace

namespace {

// By verb. Each says what comes of it, since what it is called is known already.
constexpr Line kPurposes[] = {
    {"annotate", "Set or remove annotations: notes that tools keep on objects."},
    {"api-resources", "List the kinds that the server has, with their short names and verbs."},
    {"api-versions", "List the versions of API groups that the server has."},
    {"apply", "Make objects what files say: create those that are missing, change the others."},
    {"apply edit-last-applied", "Edit what an object's last apply is remembered to have said."},
    {"apply set-last-applied", "Remember what files say as the last apply of their objects."},
    {"apply view-last-applied", "Show what the last apply of objects said."},
    {"attach", "Connect to the main process of a container that runs."},
    {"auth", "Say what you may do and who you are, and bring roles up to date."},
    {"auth can-i", "Say whether you may do something, or list what you may do."},
    {"auth reconcile", "Bring roles and their bindings to what files say, adding what is missing."},
    {"auth whoami", "Say who the server takes you for."},
    {"autoscale", "Have a workload scaled by how busy its pods are."},
    {"certificate", "Approve and deny requests for certificates."},
    {"certificate approve", "Approve requests for certificates, so that they are signed."},
    {"certificate deny", "Deny requests for certificates."},
    {"cluster-info", "Say where the control plane and the cluster's services answer."},
    {"cluster-info dump", "Print what is needed to find out what is wrong with a cluster."},
    {"completion", "Print a script that completes commands in a shell."},
    {"compose", "Run Compose files in the cluster."},
    {"compose config", "Print Compose files as one, with what they leave to be filled in."},
    {"compose convert", "Print the objects that Compose files come to."},
    {"compose down", "Take away all that up made of a project."},
    {"compose logs", "Show what the services of a project print."},
    {"compose ps", "List the services of a project and how they are."},
    {"compose up", "Run the services of Compose files in the cluster, and bring them up to date."},
    {"config", "Show and change kubeconfigs."},
    {"config current-context", "Print the name of the context that is in use."},
    {"config delete-cluster", "Take a cluster out of the kubeconfig."},
    {"config delete-context", "Take a context out of the kubeconfig."},
    {"config delete-user", "Take a user out of the kubeconfig."},
    {"config get-clusters", "List the clusters of the kubeconfig."},
    {"config get-contexts", "List the contexts of the kubeconfig, and which one is in use."},
    {"config get-users", "List the users of the kubeconfig."},
    {"config rename-context", "Give a context another name."},
    {"config set", "Set a single field of the kubeconfig."},
    {"config set-cluster", "Say where a cluster answers and whom to trust there."},
    {"config set-context", "Say which cluster, user and namespace belong together."},
    {"config set-credentials", "Say by what a user is known."},
    {"config unset", "Take a single field out of the kubeconfig."},
    {"config use-context", "Have all verbs use a context from now on."},
    {"config view", "Show the kubeconfig that is in use, without its secrets."},
    {"console",
     "Open the web console in a browser that is logged in as you, or print a link to it."},
    {"convert", "Write an object in another encoding."},
    {"cordon", "Let no more pods be put on a node."},
    {"cp", "Copy files to and from containers."},
    {"create", "Create objects from files; objects that are there already are an error."},
    {"create clusterrole", "Make a role that holds in all namespaces."},
    {"create clusterrolebinding", "Give a cluster role to somebody, in all namespaces."},
    {"create configmap", "Keep configuration from files or literals."},
    {"create cronjob", "Have an image run at set times."},
    {"create deployment", "Run an image in pods that are replaced when they are lost."},
    {"create ingress", "Lead hosts and paths from outside to services."},
    {"create job", "Run an image until it has succeeded."},
    {"create namespace", "Make a namespace, a room of its own for names."},
    {"create poddisruptionbudget", "Say how many pods a drain has to leave."},
    {"create priorityclass", "Name a priority, by which pods go before others."},
    {"create quota", "Limit what a namespace may have."},
    {"create role", "Make a role that holds in one namespace."},
    {"create rolebinding", "Give a role to somebody, in one namespace."},
    {"create secret", "Keep passwords, keys and the like."},
    {"create secret docker-registry", "Keep a password for an image registry."},
    {"create secret generic", "Keep passwords and the like from files or literals."},
    {"create secret tls", "Keep a certificate and its key."},
    {"create service", "Make an address that leads to pods by their labels."},
    {"create service clusterip", "Make a service with an address inside the cluster."},
    {"create service externalname", "Make a service that is another name of a host outside."},
    {"create service loadbalancer", "Make a service with an address outside of the cluster."},
    {"create service nodeport", "Make a service that a port of each node leads to."},
    {"create serviceaccount", "Make an account for what runs in pods."},
    {"create token", "Print a token by which a service account is known."},
    {"debug", "Look into a pod or a node with a container that is added for it."},
    {"delete", "Delete objects by file, name or label."},
    {"describe", "Show all about objects that helps to understand them, with their events."},
    {"diff", "Show what an apply would change, or with --since what has changed."},
    {"drain", "Let no more pods be put on a node, and move those away that are there."},
    {"edit", "Edit objects of the server in your editor."},
    {"events", "List what happened lately, in order of time."},
    {"exec", "Run a command in a container."},
    {"explain", "Say what a kind or one of its fields is for."},
    {"expose", "Make a service that leads to the pods of an object."},
    {"get", "List objects, or print them whole; with --at as they were."},
    {"kustomize", "Print the objects that a directory with a kustomization comes to."},
    {"label", "Set or remove labels, by which objects are selected."},
    {"logs", "Print what containers write to their outputs."},
    {"options", "List the flags that all verbs have."},
    {"patch", "Change fields of objects by a patch."},
    {"plugin", "List the plugins that are found on the PATH."},
    {"alpha", "Commands that are still to change."},
    {"alpha kuberc", "Show and change the preferences of a kuberc."},
    {"alpha kuberc set", "Set a default of a verb's flag, or an alias, in the kuberc."},
    {"alpha kuberc view", "Show the kuberc that is in use."},
    {"plugin list", "List the plugins that are found on the PATH."},
    {"port-forward", "Have ports of this machine lead to a pod."},
    {"proxy", "Serve the API on a port of this machine, under your own rights."},
    {"replace", "Put objects of files in the place of those of the same names."},
    {"rolling-update", "Replace a ReplicationController by another one, pod by pod."},
    {"rollout", "Follow, pause, restart and undo changes of workloads."},
    {"rollout history", "List the revisions of a workload."},
    {"rollout pause", "Hold back changes of a workload until it is resumed."},
    {"rollout restart", "Replace all pods of a workload, as for a new version."},
    {"rollout resume", "Let changes of a workload happen that was paused."},
    {"rollout status", "Wait until a workload is what it was last told to be."},
    {"rollout undo", "Bring a workload back to an earlier revision."},
    {"run", "Run an image in a pod."},
    {"scale", "Set how many pods a workload has."},
    {"set", "Set single fields of objects."},
    {"set env", "Set or list environment variables of containers."},
    {"set image", "Set the images of containers."},
    {"set resources", "Set what containers ask for and what they are limited to."},
    {"set selector", "Set the selector of a service."},
    {"set serviceaccount", "Set the account that pods run as."},
    {"set subject", "Set who is bound to a role."},
    {"taint", "Set or remove taints, which keep pods off a node."},
    {"top", "Show how much of their resources nodes and pods use."},
    {"top node", "Show how much of their resources nodes use."},
    {"top pod", "Show how much processor time and memory pods use."},
    {"uncordon", "Let pods be put on a node again."},
    {"version", "Show the versions of this program and of the server."},
    {"wait", "Wait until objects are in a state."},
    {"why",
     "Say why a pod, service, claim, ingress or workload is not as it should be, with what "
     "shows it."}};

std::string_view Look(std::span<const Line> lines, std::string_view verb) {
  const auto found =
      std::find_if(lines.begin(), lines.end(), [&](const Line& line) { return line.verb == verb; });
  return found == lines.end() ? "" : found->text;
}

}  // namespace

std::string_view ArgumentsOf(std::string_view verb) {
  return Look(kLines, verb);
}

std::string_view PurposeOf(std::string_view verb) {
  return Look(kPurposes, verb);
}

std::vector<std::string> VerbNamesBelow(std::string_view verb) {
  std::vector<std::string> names;
  for (const Line& line : kPurposes) {
    const std::string_view name = line.verb;
    if (name.size() <= verb.size() || !name.starts_with(verb) || name[verb.size()] != ' ') continue;
    const std::string_view word = name.substr(verb.size() + 1);
    if (word.find(' ') == word.npos) names.emplace_back(word);
  }
  return names;
}

std::string VerbsBelow(std::string_view verb) {
  std::string text;
  for (const std::string& word : VerbNamesBelow(verb)) {
    text += fmt::format("  {:<20}{}\n", word, PurposeOf(fmt::format("{} {}", verb, word)));
  }
  return text;
}

}  // namespace skiff::cli
