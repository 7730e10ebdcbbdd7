// A typed client as most of the world's Go programs have it: Kubernetes' own, which speaks protobuf
// first. Creates, reads, lists, watches, changes and deletes a pod, and checks what it is told; reads
// the documents of OpenAPI in both their forms.
//
//	protobuf -server https://127.0.0.1:6443 -token admin-token
package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

const protobuf = runtime.ContentTypeProtobuf

// Counts answers by their form: a client that falls back to JSON proves nothing.
type counter struct {
	next  http.RoundTripper
	types map[string]int
}

func (c *counter) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(request)
	if err == nil {
		check(response.ProtoMajor == 2, "spoken: %s", response.Proto)
		c.types[strings.Split(response.Header.Get("Content-Type"), ";")[0]]++
	}
	return response, err
}

func check(ok bool, format string, args ...any) {
	if !ok {
		fmt.Fprintf(os.Stderr, "FAIL: "+format+"\n", args...)
		os.Exit(1)
	}
}

func must[T any](value T, err error) T {
	check(err == nil, "%v", err)
	return value
}

func pod(name string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"peer": "protobuf"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i:1"}}},
	}
}

func next(events <-chan watch.Event) watch.Event {
	select {
	case event, open := <-events:
		check(open, "the watch ended")
		return event
	case <-time.After(10 * time.Second):
		check(false, "no event came")
		return watch.Event{}
	}
}

func main() {
	server := flag.String("server", "", "URL of the API server")
	token := flag.String("token", "", "bearer token")
	flag.Parse()
	config := &rest.Config{Host: *server, BearerToken: *token}
	config.TLSClientConfig.Insecure = true
	config.ContentType = protobuf
	config.AcceptContentTypes = protobuf + ",application/json"
	count := &counter{types: map[string]int{}}
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper {
		count.next = next
		return count
	}
	client := must(kubernetes.NewForConfig(config))
	ctx := context.Background()
	pods := client.CoreV1().Pods("default")
	accounts := client.CoreV1().ServiceAccounts("default")
	if _, err := accounts.Get(ctx, "default", metav1.GetOptions{}); apierrors.IsNotFound(err) {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "default"}}
		must(accounts.Create(ctx, account, metav1.CreateOptions{}))
	}

	made := must(pods.Create(ctx, pod("peer"), metav1.CreateOptions{}))
	check(made.Spec.RestartPolicy == corev1.RestartPolicyAlways, "no defaults: %+v", made.Spec)
	check(!made.CreationTimestamp.IsZero() && made.UID != "", "no metadata: %+v", made.ObjectMeta)
	_, err := pods.Create(ctx, pod("peer"), metav1.CreateOptions{})
	check(apierrors.IsAlreadyExists(err), "created twice: %v", err)
	_, err = pods.Get(ctx, "nobody", metav1.GetOptions{})
	check(apierrors.IsNotFound(err), "found what is not there: %v", err)
	bad := pod("Bad_Name")
	_, err = pods.Create(ctx, bad, metav1.CreateOptions{})
	status, isStatus := err.(apierrors.APIStatus)
	check(isStatus && len(status.Status().Details.Causes) > 0, "no causes: %v", err)

	selected := metav1.ListOptions{LabelSelector: "peer=protobuf"}
	list := must(pods.List(ctx, selected))
	check(len(list.Items) == 1 && list.Items[0].UID == made.UID, "list: %+v", list)
	watchFrom := selected
	watchFrom.ResourceVersion = list.ResourceVersion
	watching := must(pods.Watch(ctx, watchFrom))
	patch := []byte(`{"metadata":{"annotations":{"a":"b"}}}`)
	must(pods.Patch(ctx, "peer", types.MergePatchType, patch, metav1.PatchOptions{}))
	event := next(watching.ResultChan())
	check(event.Type == watch.Modified && event.Object.(*corev1.Pod).Annotations["a"] == "b",
		"watched: %+v", event)
	check(pods.Delete(ctx, "peer", *metav1.NewDeleteOptions(0)) == nil, "not deleted")
	for event.Type != watch.Deleted {
		event = next(watching.ResultChan())
	}
	watching.Stop()

	old := selected
	old.ResourceVersion = "999999999"
	_, err = pods.List(ctx, old)
	check(apierrors.IsTimeout(err), "a list from the future: %v", err)
	partial := must(metadata.NewForConfig(config))
	namespaces := must(partial.Resource(corev1.SchemeGroupVersion.WithResource("namespaces")).
		List(ctx, metav1.ListOptions{}))
	check(len(namespaces.Items) >= 4 && namespaces.Items[0].Name != "", "metadata: %+v", namespaces)
	groups := must(client.Discovery().ServerGroups())
	check(len(groups.Groups) > 10, "groups: %+v", groups)

	documents := checkOpenAPI(ctx, client)
	check(documents > 20, "documents of OpenAPI: %d", documents)

	check(count.types[protobuf] >= 10, "answers by form: %v", count.types)
	fmt.Printf("ok: %v\n", count.types)
}
