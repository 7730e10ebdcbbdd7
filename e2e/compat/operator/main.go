// An operator as kubebuilder lays them out: a kind in two versions, a defaulting, a validating and a converting webhook,
// a reconciler with children, status and a finalizer, and leader election. `e2e/compat/operator.sh` plays with it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"
)

const (
	finalizer    = group + "/closing"
	reconciledBy = group + "/reconciled-by"
	closedSites  = "closed-sites"
)

type reconciler struct {
	client.Client
	name   string // Whose work it is: of two, one leads.
	events events.EventRecorder
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	site := &Site{}
	if err := r.Get(ctx, request.NamespacedName, site); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !site.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.close(ctx, site)
	}
	if controllerutil.AddFinalizer(site, finalizer) {
		if err := r.Update(ctx, site); err != nil {
			return ctrl.Result{}, err
		}
	}
	deployment, err := r.deploy(ctx, site)
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.report(ctx, site, deployment)
}

func (r *reconciler) deploy(ctx context.Context, site *Site) (*appsv1.Deployment, error) {
	labels := map[string]string{"site": site.Name}
	deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: site.Name, Namespace: site.Namespace}}
	done, err := controllerutil.CreateOrUpdate(ctx, r.Client, deployment, func() error {
		metav1.SetMetaDataAnnotation(&deployment.ObjectMeta, reconciledBy, r.name)
		deployment.Spec.Replicas = site.Spec.Replicas
		deployment.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		deployment.Spec.Template.Labels = labels
		containers := &deployment.Spec.Template.Spec.Containers
		if len(*containers) == 0 {
			*containers = []corev1.Container{{Name: "server"}}
		}
		(*containers)[0].Image = site.Spec.Server.Image
		return controllerutil.SetControllerReference(site, deployment, r.Scheme())
	})
	if err == nil && done == controllerutil.OperationResultCreated {
		r.events.Eventf(site, deployment, corev1.EventTypeNormal, "Deployed", "Deploy", "made deployment %s", deployment.Name)
	}
	return deployment, err
}

func (r *reconciler) report(ctx context.Context, site *Site, deployment *appsv1.Deployment) error {
	before := copyOf(site)
	site.Status.Ready = deployment.Status.ReadyReplicas
	site.Status.ObservedGeneration = site.Generation
	site.Status.Selector = "site=" + site.Name
	condition := metav1.Condition{Type: "Ready", Status: metav1.ConditionFalse, Reason: "Waiting", ObservedGeneration: site.Generation}
	if site.Status.Ready == *site.Spec.Replicas {
		condition.Status, condition.Reason = metav1.ConditionTrue, "AllReady"
	}
	meta.SetStatusCondition(&site.Status.Conditions, condition)
	return r.Status().Patch(ctx, site, client.MergeFrom(before))
}

// close leaves word of the site that goes: what a finalizer is for.
func (r *reconciler) close(ctx context.Context, site *Site) error {
	if !controllerutil.ContainsFinalizer(site, finalizer) {
		return nil
	}
	closed := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: closedSites, Namespace: site.Namespace}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, closed, func() error {
		if closed.Data == nil {
			closed.Data = map[string]string{}
		}
		closed.Data[site.Name] = r.name
		return nil
	}); err != nil {
		return err
	}
	controllerutil.RemoveFinalizer(site, finalizer)
	return r.Update(ctx, site)
}

func run() error {
	name := flag.String("name", "one", "Whom its work is signed by.")
	port := flag.Int("webhook-port", 9443, "Where webhooks are served, on loopback.")
	certificates := flag.String("webhook-certificates", "", "Folder with tls.crt and tls.key.")
	flag.Parse()
	ctrl.SetLogger(zap.New())
	addSites(clientgoscheme.Scheme)
	lease, renew, retry := 4*time.Second, 2*time.Second, 500*time.Millisecond
	manager, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		Scheme:         clientgoscheme.Scheme,
		Metrics:        metricsserver.Options{BindAddress: "0"},
		WebhookServer:  webhook.NewServer(webhook.Options{Host: "127.0.0.1", Port: *port, CertDir: *certificates}),
		LeaderElection: true, LeaderElectionID: "sites", LeaderElectionNamespace: "default",
		LeaseDuration: &lease, RenewDeadline: &renew, RetryPeriod: &retry,
	})
	if err != nil {
		return err
	}
	if err := ctrl.NewWebhookManagedBy(manager, &Site{}).
		WithDefaulter(&defaulter{name: *name}).WithValidator(&validator{}).Complete(); err != nil {
		return err
	}
	if err := ctrl.NewControllerManagedBy(manager).For(&Site{}).Owns(&appsv1.Deployment{}).Complete(&reconciler{
		Client: manager.GetClient(), name: *name, events: manager.GetEventRecorder("sites"),
	}); err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
