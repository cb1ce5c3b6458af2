{{- define "nbu-exporter.notes" -}}
{{- $namespace := include "nbu-exporter.namespace" . -}}
{{- $object := printf "%s/%s" (include "nbu-exporter.configKind" .) (include "nbu-exporter.configName" .) -}}
{{- $name := include "nbu-exporter.fullname" . -}}
{{- $path := include "nbu-exporter.metricsPath" . -}}
Edit   kubectl -n {{ $namespace }} edit {{ $object }}
       {{- if .Values.kubernetesWatch.enabled }}  # applied at once, without a restart
       {{- else }}  # applied when the kubelet has brought the file up to date, about a minute later
       {{- end }}
Look   kubectl -n {{ $namespace }} port-forward service/{{ $name }} {{ .Values.service.port }} &
       curl -s localhost:{{ .Values.service.port }}{{ $path }} | grep nbu_up
{{- if and .Values.kubernetesWatch.enabled .Values.events.enabled }}
       kubectl -n {{ $namespace }} events --for {{ $object }}
{{- end }}
{{- if .Values.tests.enabled }}
Test   helm -n {{ .Release.Namespace }} test {{ .Release.Name }}
       {{- /* Helm 3 looks for the log when the pod of a passed test is gone, and calls that an error. */ -}}
       {{- if not (hasPrefix "v3." .Capabilities.HelmVersion.Version) }} --logs{{ end }}
{{- end }}
{{- range include "nbu-exporter.remarks" . | fromYamlArray }}

* {{ . }}
{{- end }}
{{- with include "nbu-exporter.askPrometheuses (you may not list them: leave serviceMonitor.verifySelector off)" . }}

! {{ . }}
{{- end }}
{{- end -}}

{{/* The keys and authorities that the sites of the values take from objects of someone else. */}}
{{- define "nbu-exporter.neededKeys" -}}
{{- $needed := list -}}
{{- $own := list -}}
{{- range .Values.credentials -}}
{{- $own = append $own (toString .site) -}}
{{- $needed = append $needed (printf "Secret %s needs the key %s (site %s)" .existingSecret (.key | default "apiKey") .site) -}}
{{- end -}}
{{- $bundle := .Values.tls.caBundle -}}
{{- range $kind, $name := dict "ConfigMap" $bundle.existingConfigMap "Secret" $bundle.existingSecret -}}
{{- if $name -}}
{{- $needed = append $needed (printf "%s %s needs the authorities under the key %s" $kind $name $bundle.key) -}}
{{- end -}}
{{- end -}}
{{- if .Values.credentialsSecret -}}
{{- $common := list -}}
{{- if not (or .Values.configMap.existingName .Values.configSecret.existingName) -}}
{{- range .Values.config.nbuservers -}}
{{- if not (or .apiKey .apiKeyFile (has .site $own)) -}}
{{- $common = append $common .site -}}
{{- end -}}
{{- end -}}
{{- with .Values.config.nbuserver -}}
{{- if not (or .apiKey .apiKeyFile (has .host $own)) -}}
{{- $common = append $common .host -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $needed = append $needed (printf "Secret %s needs a key under the name of each site%s" .Values.credentialsSecret (ternary "" (printf ": %s" (join ", " $common)) (empty $common))) -}}
{{- end -}}
{{- toYaml $needed -}}
{{- end -}}

{{/* Objects of someone else without which no pod starts. */}}
{{- define "nbu-exporter.neededObjects" -}}
{{- $needed := list -}}
{{- with .Values.configMap.existingName -}}
{{- $needed = append $needed (printf "a ConfigMap %s" .) -}}
{{- end -}}
{{- with .Values.configSecret.existingName -}}
{{- $needed = append $needed (printf "a Secret %s" .) -}}
{{- end -}}
{{- toYaml $needed -}}
{{- end -}}

{{/* What the user should know about the choices made, as a YAML list. */}}
{{- define "nbu-exporter.remarks" -}}
{{- $values := .Values -}}
{{- $remarks := list -}}
{{- if not (or $values.image.registry ($values.global | default dict).imageRegistry (contains "/" $values.image.repository)) -}}
{{- $remarks = append $remarks (printf "The image %s names no registry: each node must have it already. Build it from the Dockerfile, push it to your registry and name that in image.registry." (include "nbu-exporter.image" .)) -}}
{{- end -}}
{{- $sites := concat ($values.config.nbuservers | default list) (ternary (list $values.config.nbuserver) list (not (empty $values.config.nbuserver))) -}}
{{- if or $values.configMap.existingName $values.configSecret.existingName -}}
{{- $remarks = append $remarks "The configuration is yours: a site there names its key file itself, /etc/nbu-exporter/keys/SITE (credentialsSecret) or /etc/nbu-exporter/credentials/SITE/apiKey (credentials[])." -}}
{{- else -}}
{{- if $values.demo.enabled -}}
{{- $remarks = append $remarks "Demo: the sites demo-1 and demo-2 are simulated inside the pod." -}}
{{- else if not $sites -}}
{{- $remarks = append $remarks "No site is configured yet: add one to config.nbuservers, or edit the ConfigMap." -}}
{{- end -}}
{{- $remarks = append $remarks "An upgrade writes the ConfigMap again from the values: Helm 3 over any edit, Helm 4 only with --force-conflicts. Carry edits over into the values first (docs/helm.md)." -}}
{{- end -}}
{{- if $values.allowInlineKeys -}}
{{- $remarks = append $remarks "allowInlineKeys: API keys in the configuration are readable for everyone who may read ConfigMaps." -}}
{{- end -}}
{{- if $values.credentials -}}
{{- $remarks = append $remarks "credentials[]: a changed key is followed live, but a new entry is a new volume and restarts the pod. With credentialsSecret a site and its key can be added without one." -}}
{{- end -}}
{{- $needed := include "nbu-exporter.neededKeys" . | fromYamlArray -}}
{{- if $needed -}}
{{- $remarks = append $remarks (printf "%s. A site whose key or authority is not there is down, and the log names the file that is missing; it is collected when that has come, within about a minute." (join "; " $needed)) -}}
{{- end -}}
{{- with include "nbu-exporter.neededObjects" . | fromYamlArray -}}
{{- $remarks = append $remarks (printf "The pod waits in ContainerCreating until there is %s." (join " and " .)) -}}
{{- end -}}
{{- if $values.admissionWebhook.enabled -}}
{{- $remarks = append $remarks (printf "A bad edit is refused before it is written, while an exporter answers (docs/admission.md). To write one all the same: annotation nbu-exporter/admit-anyway: \"true\" on the %s." (include "nbu-exporter.configKind" .)) -}}
{{- else if $values.kubernetesWatch.enabled -}}
{{- $remarks = append $remarks "--set admissionWebhook.enabled=true has a bad edit refused in the editor. It asks for objects outside of the namespace: a ValidatingWebhookConfiguration for this one object, and a ClusterRole to get and patch that." -}}
{{- end -}}
{{- if $values.fleet.enabled -}}
{{- $remarks = append $remarks (printf "fleet.enabled: the replicas (%d) share the sites, so each site is asked once; nbu-exporter status in any pod says who asks which (docs/fleet.md)." (int $values.replicas)) -}}
{{- end -}}
{{- if and (gt (int $values.replicas) 1) (not $values.fleet.enabled) -}}
{{- $remarks = append $remarks (printf "%d replicas: each asks every site, and every series exists %d times. fleet.enabled has them share the sites." (int $values.replicas) (int $values.replicas)) -}}
{{- else if and $values.podDisruptionBudget.enabled (le (int $values.replicas) 1) -}}
{{- $remarks = append $remarks "No PodDisruptionBudget is made for a single replica: it could only block the drain of a node." -}}
{{- end -}}
{{- with $values.proxy.httpsProxy | default $values.proxy.httpProxy -}}
{{- $remarks = append $remarks (printf "Sites are reached through the proxy, but for those in proxy.noProxy (%s) and those with a proxyUrl of their own." ($values.proxy.noProxy | default "none")) -}}
{{- end -}}
{{- if $values.networkPolicy.enabled -}}
{{- $egress := $values.networkPolicy.egress -}}
{{- $ports := include "nbu-exporter.sitePorts" . | fromYamlArray -}}
{{- $remarks = append $remarks (printf "The network policy lets the exporter reach sites on the ports %s%s. A site added live on another port or address stays unreachable until networkPolicy.egress (sitePorts, siteCidrs, extra) names it." (join ", " $ports) (ternary (printf " at %s" (join ", " $egress.siteCidrs)) "" (not (empty $egress.siteCidrs)))) -}}
{{- end -}}
{{- if and $values.prometheusRule.enabled (not $values.prometheusRule.runbookUrlBase) -}}
{{- $remarks = append $remarks "The alerts link to no runbook: prometheusRule.runbookUrlBase is the address at which you publish docs/runbooks." -}}
{{- end -}}
{{- $ways := list -}}
{{- range list "serviceMonitor" "podMonitor" "scrapeConfig" -}}
{{- if (index $values .).enabled -}}
{{- $ways = append $ways . -}}
{{- end -}}
{{- end -}}
{{- if and $values.serviceMonitor.enabled (not $values.serviceMonitor.verifySelector) -}}
{{- $remarks = append $remarks "Nobody looked whether a Prometheus selects the ServiceMonitor: --set serviceMonitor.verifySelector=true does, with the right to list Prometheus objects in the whole cluster." -}}
{{- end -}}
{{- if gt (len $ways) 1 -}}
{{- $remarks = append $remarks (printf "%s are all enabled: a Prometheus that follows more than one doubles every sum." (join ", " $ways)) -}}
{{- end -}}
{{- toYaml $remarks -}}
{{- end -}}
