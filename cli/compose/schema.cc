#include "cli/compose/schema.h"

#include <iterator>

namespace skiff::cli::compose {
namespace {

constexpr unsigned kScalarForms = kTextForm | kNumberForm | kBoolForm;

constexpr Shape kText{kTextForm};
constexpr Shape kBool{kBoolForm};
constexpr Shape kNumber{kNumberForm};
constexpr Shape kTextOrNumber{kTextForm | kNumberForm};
constexpr Shape kAnyScalar{kScalarForms};
constexpr Shape kScalarOrNull{kScalarForms | kNullForm};
constexpr Shape kAnything{kScalarForms | kNullForm | kListForm | kMapForm};
constexpr Shape kTexts{kListForm | kNullForm, nullptr, 0, nullptr, &kText};
constexpr Shape kTextOrTexts{kTextForm | kListForm | kNullForm, nullptr, 0, nullptr, &kText};
constexpr Shape kNumbersOrTexts{kListForm | kNullForm, nullptr, 0, nullptr, &kTextOrNumber};
constexpr Shape kCommand{kTextForm | kListForm | kNullForm, nullptr, 0, nullptr, &kAnyScalar};
// NAME: value, or a list of NAME=value.
constexpr Shape kPairs{kMapForm | kListForm | kNullForm, nullptr, 0, &kScalarOrNull, &kText};
// Of names: an address, or several.
constexpr Shape kAddresses{kScalarForms | kNullForm | kListForm, nullptr, 0, nullptr, &kText};
constexpr Shape kHosts{kMapForm | kListForm | kNullForm, nullptr, 0, &kAddresses, &kText};
constexpr Shape kAnyMap{kMapForm | kNullForm, nullptr, 0, &kAnything};
constexpr Shape kAnyList{kListForm | kNullForm, nullptr, 0, nullptr, &kAnything};
constexpr Shape kScalarMap{kMapForm | kNullForm, nullptr, 0, &kAnyScalar};

template <size_t kCount>
constexpr Shape MapOf(const Key (&keys)[kCount], unsigned more = 0,
                      const Shape* item = nullptr) {
  return {kMapForm | more, keys, kCount, nullptr, item};
}

constexpr char kNoImageIsBuilt[] =
    "no image is built: it has to be on the nodes (skiff image load) or in a registry";
constexpr char kNodeLimits[] =
    "Kubernetes limits processors and memory alone: deploy.resources.limits";
constexpr char kNoSwarm[] = "there is no such thing outside of Swarm";

constexpr Key kBuildKeys[] = {{"additional_contexts", &kAnything},
                              {"args", &kPairs},
                              {"cache_from", &kTexts},
                              {"cache_to", &kTexts},
                              {"context", &kText},
                              {"dockerfile", &kText},
                              {"dockerfile_inline", &kText},
                              {"entitlements", &kTexts},
                              {"extra_hosts", &kHosts},
                              {"isolation", &kText},
                              {"labels", &kPairs},
                              {"network", &kText},
                              {"no_cache", &kBool},
                              {"no_cache_filter", &kTextOrTexts},
                              {"platforms", &kTexts},
                              {"privileged", &kBool},
                              {"provenance", &kAnyScalar},
                              {"pull", &kBool},
                              {"sbom", &kAnyScalar},
                              {"secrets", &kAnyList},
                              {"shm_size", &kTextOrNumber},
                              {"ssh", &kAnything},
                              {"tags", &kTexts},
                              {"target", &kText},
                              {"ulimits", &kAnyMap}};
constexpr Shape kBuild = MapOf(kBuildKeys, kTextForm);

constexpr Key kDependencyKeys[] = {
    {"condition", &kText},
    {"required", &kBool},
    {"restart", &kBool, "pods are not started anew with what they depend on"}};
constexpr Shape kDependency = MapOf(kDependencyKeys);
constexpr Shape kDependencies{kMapForm | kListForm | kNullForm, nullptr, 0, &kDependency, &kText};

constexpr Key kDeviceKeys[] = {{"capabilities", &kTexts},
                               {"count", &kTextOrNumber},
                               {"device_ids", &kTexts, "Kubernetes counts devices; it names none"},
                               {"driver", &kText},
                               {"options", &kPairs, "device plugins take no options"}};
constexpr Shape kDevice = MapOf(kDeviceKeys);
constexpr Shape kDevices{kListForm, nullptr, 0, nullptr, &kDevice};
constexpr Shape kGpus{kTextForm | kListForm, nullptr, 0, nullptr, &kDevice};
constexpr Key kLimitKeys[] = {
    {"cpus", &kTextOrNumber},
    {"memory", &kTextOrNumber},
    {"pids", &kNumber, "the kubelet limits processes for all pods (--pod-max-pids)"}};
constexpr Shape kLimits = MapOf(kLimitKeys, kNullForm);
constexpr Key kReservationKeys[] = {
    {"cpus", &kTextOrNumber},
    {"memory", &kTextOrNumber},
    {"generic_resources", &kAnyList, "nodes offer devices by plugins: reservations.devices"},
    {"devices", &kDevices}};
constexpr Shape kReservations = MapOf(kReservationKeys, kNullForm);
constexpr Key kResourceKeys[] = {{"limits", &kLimits}, {"reservations", &kReservations}};
constexpr Shape kResources = MapOf(kResourceKeys, kNullForm);
constexpr Key kRestartKeys[] = {
    {"condition", &kText},
    {"delay", &kText, "the kubelet waits 10 s, 20 s, ... 5 min between restarts"},
    {"max_attempts", &kNumber},
    {"window", &kText, "the kubelet forgets restarts after 10 min"}};
constexpr Shape kRestartPolicy = MapOf(kRestartKeys, kNullForm);
constexpr Key kUpdateKeys[] = {
    {"parallelism", &kNumber},
    {"delay", &kText},
    {"failure_action", &kText},
    {"monitor", &kText, "a rollout goes on when pods are ready"},
    {"max_failure_ratio", &kNumber, "a rollout stops at the first pods that do not become ready"},
    {"order", &kText}};
constexpr Shape kUpdate = MapOf(kUpdateKeys, kNullForm);
constexpr Shape kPreferences{kListForm | kNullForm, nullptr, 0, nullptr, &kScalarMap};
constexpr Key kPlacementKeys[] = {{"constraints", &kTexts},
                                  {"preferences", &kPreferences},
                                  {"max_replicas_per_node", &kNumber}};
constexpr Shape kPlacement = MapOf(kPlacementKeys, kNullForm);
constexpr Key kDeployKeys[] = {
    {"endpoint_mode", &kText},
    {"labels", &kPairs},
    {"mode", &kText},
    {"placement", &kPlacement},
    {"replicas", &kNumber},
    {"resources", &kResources},
    {"restart_policy", &kRestartPolicy},
    {"rollback_config", &kUpdate, "a rollback goes as a rollout does (update_config)"},
    {"update_config", &kUpdate}};
constexpr Shape kDeploy = MapOf(kDeployKeys, kNullForm);

constexpr Key kEnvFileKeys[] = {{"path", &kText}, {"required", &kBool}, {"format", &kText}};
constexpr Shape kEnvFile = MapOf(kEnvFileKeys, kTextForm);
constexpr Shape kEnvFiles{kTextForm | kListForm | kNullForm, nullptr, 0, nullptr, &kEnvFile};
constexpr Key kExtendsKeys[] = {{"service", &kText}, {"file", &kText}};
constexpr Shape kExtends = MapOf(kExtendsKeys, kTextForm);

constexpr Key kHealthKeys[] = {
    {"disable", &kBool},
    {"interval", &kText},
    {"retries", &kNumber},
    {"start_interval", &kText, "a pod is probed every interval from its start"},
    {"start_period", &kText},
    {"test", &kCommand},
    {"timeout", &kText}};
constexpr Shape kHealth = MapOf(kHealthKeys, kNullForm);
constexpr Key kHookKeys[] = {{"command", &kCommand},
                             {"user", &kText, "hooks run as their container does"},
                             {"privileged", &kBool, "hooks run as their container does"},
                             {"working_dir", &kText, "hooks run where their container does"},
                             {"environment", &kPairs, "hooks have their container's variables"}};
constexpr Shape kHook = MapOf(kHookKeys);
constexpr Shape kHooks{kListForm | kNullForm, nullptr, 0, nullptr, &kHook};
constexpr Key kStepKeys[] = {{"command", &kCommand},  {"environment", &kPairs}, {"image", &kText},
                             {"per_replica", &kBool}, {"privileged", &kBool},   {"user", &kText},
                             {"working_dir", &kText}};
constexpr Shape kStep = MapOf(kStepKeys);
constexpr Shape kSteps{kListForm | kNullForm, nullptr, 0, nullptr, &kStep};

constexpr char kPodAddress[] = "pods get their addresses from their node";
constexpr Key kAttachmentKeys[] = {
    {"aliases", &kTexts},
    {"driver_opts", &kScalarMap, "all pods are in one network"},
    {"gw_priority", &kNumber, "all pods are in one network"},
    {"interface_name", &kText, "all pods are in one network"},
    {"ipv4_address", &kText, kPodAddress},
    {"ipv6_address", &kText, kPodAddress},
    {"link_local_ips", &kTexts, kPodAddress},
    {"mac_address", &kText, kPodAddress},
    {"priority", &kNumber, "all pods are in one network"}};
constexpr Shape kAttachment = MapOf(kAttachmentKeys, kNullForm);
constexpr Shape kAttachments{kMapForm | kListForm | kNullForm, nullptr, 0, &kAttachment, &kText};

constexpr Key kPortKeys[] = {{"app_protocol", &kText},  {"host_ip", &kText},
                             {"mode", &kText},          {"name", &kText},
                             {"protocol", &kText},      {"published", &kTextOrNumber},
                             {"target", &kTextOrNumber}};
constexpr Shape kPort = MapOf(kPortKeys, kTextForm | kNumberForm);
constexpr Shape kPorts{kListForm | kNullForm, nullptr, 0, nullptr, &kPort};

constexpr Key kFileRefKeys[] = {{"gid", &kTextOrNumber},
                                {"mode", &kTextOrNumber},
                                {"source", &kText},
                                {"target", &kText},
                                {"uid", &kTextOrNumber}};
constexpr Shape kFileRef = MapOf(kFileRefKeys, kTextForm);
constexpr Shape kFileRefs{kListForm | kNullForm, nullptr, 0, nullptr, &kFileRef};

constexpr Key kBindKeys[] = {
    {"create_host_path", &kBool},
    {"propagation", &kText},
    {"recursive", &kText, "Kubernetes mounts what lies below"},
    {"selinux", &kText}};
constexpr Shape kBind = MapOf(kBindKeys, kNullForm);
constexpr Key kVolumeOptionKeys[] = {
    {"labels", &kPairs, "a claim has the labels that its volume says"},
    {"nocopy", &kBool},
    {"subpath", &kText}};
constexpr Shape kVolumeOptions = MapOf(kVolumeOptionKeys, kNullForm);
constexpr Key kTmpfsKeys[] = {
    {"size", &kTextOrNumber},
    {"mode", &kTextOrNumber, "such a directory may be written by anybody"}};
constexpr Shape kTmpfsOptions = MapOf(kTmpfsKeys, kNullForm);
constexpr Key kMountKeys[] = {
    {"bind", &kBind},
    {"cluster", &kAnyMap, kNoSwarm},
    {"consistency", &kText, "it says nothing outside of Docker Desktop"},
    {"image", &kAnyMap},
    {"read_only", &kBool},
    {"source", &kText},
    {"target", &kText},
    {"tmpfs", &kTmpfsOptions},
    {"type", &kText},
    {"volume", &kVolumeOptions}};
constexpr Shape kMount = MapOf(kMountKeys, kTextForm);
constexpr Shape kMounts{kListForm | kNullForm, nullptr, 0, nullptr, &kMount};

constexpr Key kUlimitKeys[] = {{"soft", &kNumber}, {"hard", &kNumber}};
constexpr Shape kUlimit = MapOf(kUlimitKeys, kNumberForm);
constexpr Shape kUlimits{kMapForm | kNullForm, nullptr, 0, &kUlimit};
constexpr Shape kDeviceMappings{kListForm | kNullForm, nullptr, 0, nullptr, &kAnything};
constexpr Shape kDevelopOrNull = kAnyMap;

constexpr Key kServiceKeys[] = {
    {"annotations", &kPairs},
    {"attach", &kBool, "nothing is attached to: skiff compose logs -f"},
    {"blkio_config", &kAnyMap, kNodeLimits},
    {"build", &kBuild, kNoImageIsBuilt},
    {"cap_add", &kTexts},
    {"cap_drop", &kTexts},
    {"cgroup", &kText, "the kubelet makes the cgroups of pods"},
    {"cgroup_parent", &kText, "the kubelet makes the cgroups of pods"},
    {"command", &kCommand},
    {"configs", &kFileRefs},
    {"container_name", &kText, "pods are named after their service"},
    {"cpu_count", &kNumber, kNodeLimits},
    {"cpu_percent", &kNumber, kNodeLimits},
    {"cpu_period", &kTextOrNumber, kNodeLimits},
    {"cpu_quota", &kTextOrNumber, kNodeLimits},
    {"cpu_rt_period", &kTextOrNumber, kNodeLimits},
    {"cpu_rt_runtime", &kTextOrNumber, kNodeLimits},
    {"cpu_shares", &kTextOrNumber, "say deploy.resources.reservations.cpus"},
    {"cpus", &kTextOrNumber},
    {"cpuset", &kText, "the kubelet's CPU manager chooses processors"},
    {"credential_spec", &kAnyMap, "it is of Windows"},
    {"depends_on", &kDependencies},
    {"deploy", &kDeploy},
    {"develop", &kDevelopOrNull, "files are not watched: run skiff compose up again"},
    {"device_cgroup_rules", &kTexts, "devices come from device plugins, or to privileged pods"},
    {"devices", &kDeviceMappings, "devices come from device plugins, or to privileged pods"},
    {"dns", &kTextOrTexts, "pods ask the cluster's DNS, which forwards to the nodes' servers"},
    {"dns_opt", &kTexts},
    {"dns_search", &kTextOrTexts},
    {"domainname", &kText},
    {"driver_opts", &kAnyMap, "it says nothing outside of Docker"},
    {"entrypoint", &kCommand},
    {"env_file", &kEnvFiles},
    {"environment", &kPairs},
    {"expose", &kNumbersOrTexts},
    {"extends", &kExtends},
    {"external_links", &kTexts, "make a Service of type ExternalName"},
    {"extra_hosts", &kHosts},
    {"gpus", &kGpus},
    {"group_add", &kNumbersOrTexts},
    {"healthcheck", &kHealth},
    {"hostname", &kText},
    {"image", &kText},
    {"init", &kBool},
    {"ipc", &kText},
    {"isolation", &kText, "it is of Windows"},
    {"label_file", &kTextOrTexts},
    {"labels", &kPairs},
    {"links", &kTexts},
    {"logging", &kAnyMap, "nodes keep the logs of pods, and rotate them"},
    {"mac_address", &kText, kPodAddress},
    {"mem_limit", &kTextOrNumber},
    {"mem_reservation", &kTextOrNumber},
    {"mem_swappiness", &kTextOrNumber, "the kubelet decides on swap for all pods"},
    {"memswap_limit", &kTextOrNumber, "the kubelet decides on swap for all pods"},
    {"models", &kAnything, "no models are run"},
    {"network_mode", &kText},
    {"networks", &kAttachments},
    {"oom_kill_disable", &kBool, "the kubelet sets it by what pods request"},
    {"oom_score_adj", &kNumber, "the kubelet sets it by what pods request"},
    {"pid", &kText},
    {"pids_limit", &kNumber, "the kubelet limits processes for all pods (--pod-max-pids)"},
    {"platform", &kText},
    {"ports", &kPorts},
    {"post_start", &kHooks},
    {"pre_start", &kSteps},
    {"pre_stop", &kHooks},
    {"privileged", &kBool},
    {"profiles", &kTexts},
    {"provider", &kAnyMap, "no provider is asked"},
    {"pull_policy", &kText},
    {"pull_refresh_after", &kText, "images are pulled when pods start: pull_policy"},
    {"read_only", &kBool},
    {"restart", &kText},
    {"runtime", &kText, "make a RuntimeClass, and name it in the pods"},
    {"scale", &kNumber},
    {"secrets", &kFileRefs},
    {"security_opt", &kTexts},
    {"shm_size", &kTextOrNumber},
    {"stdin_open", &kBool},
    {"stop_grace_period", &kText},
    {"stop_signal", &kText,
     "the image says it (STOPSIGNAL): lifecycle.stopSignal of a container is behind the gate "
     "ContainerStopSignals, which is off in Kubernetes v1.35"},
    {"storage_opt", &kAnyMap, "say volumes"},
    {"sysctls", &kPairs},
    {"tmpfs", &kTextOrTexts},
    {"tty", &kBool},
    {"ulimits", &kUlimits, "the runtime of the node sets them for all pods"},
    {"use_api_socket", &kBool, "there is no Docker on the nodes"},
    {"user", &kTextOrNumber},
    {"userns_mode", &kText, "pods run in the node's user namespace"},
    {"uts", &kText, "pods have host names of their own"},
    {"volumes", &kMounts},
    {"volumes_from", &kTexts, "name the volumes in both services"},
    {"working_dir", &kText}};
constexpr Shape kService = MapOf(kServiceKeys);
constexpr Shape kServices{kMapForm | kNullForm, nullptr, 0, &kService};

constexpr Key kExternalKeys[] = {{"name", &kText}};
constexpr Shape kExternal = MapOf(kExternalKeys, kBoolForm | kTextForm);
constexpr char kOneNetwork[] = "all pods are in the cluster's one network";
constexpr Key kNetworkKeys[] = {
    {"attachable", &kBool, kNoSwarm},
    {"driver", &kText, kOneNetwork},
    {"driver_opts", &kScalarMap, kOneNetwork},
    {"enable_ipv4", &kBool, kOneNetwork},
    {"enable_ipv6", &kBool, kOneNetwork},
    {"external", &kExternal},
    {"internal", &kBool},
    {"ipam", &kAnyMap, kPodAddress},
    {"labels", &kPairs, "a network is no object that could have them"},
    {"name", &kText}};
constexpr Shape kNetwork = MapOf(kNetworkKeys, kNullForm);
constexpr Shape kNetworks{kMapForm | kNullForm, nullptr, 0, &kNetwork};
constexpr Key kVolumeKeys[] = {{"driver", &kText},       {"driver_opts", &kScalarMap},
                               {"external", &kExternal}, {"labels", &kPairs},
                               {"name", &kText}};
constexpr Shape kVolume = MapOf(kVolumeKeys, kNullForm);
constexpr Shape kVolumes{kMapForm | kNullForm, nullptr, 0, &kVolume};
constexpr char kNoDrivers[] = "it is of a driver of Swarm";
constexpr Key kFileKeys[] = {{"content", &kText},
                             {"driver", &kText, kNoDrivers},
                             {"driver_opts", &kScalarMap, kNoDrivers},
                             {"environment", &kText},
                             {"external", &kExternal},
                             {"file", &kText},
                             {"labels", &kPairs},
                             {"name", &kText},
                             {"template_driver", &kText, kNoDrivers}};
constexpr Shape kFile = MapOf(kFileKeys);
constexpr Shape kFiles{kMapForm | kNullForm, nullptr, 0, &kFile};

constexpr Key kIncludeKeys[] = {
    {"path", &kTextOrTexts}, {"project_directory", &kText}, {"env_file", &kTextOrTexts}};
constexpr Shape kInclude = MapOf(kIncludeKeys, kTextForm);
constexpr Shape kIncludes{kListForm | kNullForm, nullptr, 0, nullptr, &kInclude};

constexpr Key kTopKeys[] = {{"configs", &kFiles},
                            {"include", &kIncludes},
                            {"models", &kAnyMap, "no models are run"},
                            {"name", &kText},
                            {"networks", &kNetworks},
                            {"secrets", &kFiles},
                            {"services", &kServices},
                            {"version", &kTextOrNumber, "it is obsolete, and says nothing"},
                            {"volumes", &kVolumes}};
constexpr Shape kTop = MapOf(kTopKeys);

}  // namespace

const Shape& FileShape() {
  return kTop;
}

const Shape& ServiceShape() {
  return kService;
}

const Key* FindKey(const Shape& shape, std::string_view name) {
  for (size_t i = 0; i < shape.key_count; ++i) {
    if (shape.keys[i].name == name) return &shape.keys[i];
  }
  return nullptr;
}

}  // namespace skiff::cli::compose
