{{/* Combinations that can not work, each with its cure. */}}
{{- define "nbu-exporter.validate" -}}
{{- include "nbu-exporter.validateObjects" . -}}
{{- $seen := list -}}
{{- range .Values.credentials -}}
{{- include "nbu-exporter.checkText" (dict "path" "credentials[].site" "value" .site) -}}
{{- include "nbu-exporter.checkSiteName" (toString .site) -}}
{{- if has .site $seen -}}
{{- fail (printf "site %q is twice in credentials[]: keep one entry" (toString .site)) -}}
{{- end -}}
{{- $seen = append $seen .site -}}
{{- end -}}
{{- if and .Values.configSecret.existingName .Values.configMap.existingName -}}
{{- fail "the configuration comes from one object: set configMap.existingName or configSecret.existingName, not both" -}}
{{- end -}}
{{- if and .Values.demo.enabled (or .Values.configMap.existingName .Values.configSecret.existingName) -}}
{{- fail "demo.enabled adds its sites to the chart's own ConfigMap: leave configMap.existingName and configSecret.existingName empty, or turn the demo off" -}}
{{- end -}}
{{- if .Values.admissionWebhook.enabled -}}
{{- if not .Values.kubernetesWatch.enabled -}}
{{- fail "admissionWebhook.enabled guards the object that is watched: leave kubernetesWatch.enabled on, or turn the webhook off" -}}
{{- end -}}
{{- if eq (int .Values.admissionWebhook.port) (int .Values.containerPort) -}}
{{- fail (printf "admissionWebhook.port and containerPort are both %d: choose another port for one of them" (int .Values.containerPort)) -}}
{{- end -}}
{{- if and .Values.admissionWebhook.certificate.issuerRef (ne .Values.admissionWebhook.certificate.mode "cert-manager") -}}
{{- fail "admissionWebhook.certificate.issuerRef is for cert-manager: set admissionWebhook.certificate.mode to cert-manager, or leave it empty" -}}
{{- end -}}
{{- end -}}
{{- $delay := include "nbu-exporter.milliseconds" .Values.shutdownDelay | int64 -}}
{{- if and (not (kindIs "invalid" .Values.terminationGracePeriodSeconds)) (ge $delay (mul 1000 (int64 .Values.terminationGracePeriodSeconds))) -}}
{{- fail (printf "shutdownDelay (%s) is not shorter than terminationGracePeriodSeconds (%d), so that the exporter would be killed while it still serves: make it shorter, by 20 s for the end itself" .Values.shutdownDelay (int64 .Values.terminationGracePeriodSeconds)) -}}
{{- end -}}
{{- if and .Values.demo.enabled .Values.config.nbuserver -}}
{{- fail "demo.enabled adds its sites to config.nbuservers, and beside a list the exporter leaves config.nbuserver out: move that server into the list, or turn the demo off" -}}
{{- end -}}
{{- $bundle := .Values.tls.caBundle -}}
{{- $bundles := list $bundle.existingConfigMap $bundle.existingSecret $bundle.inline (ternary "openshift" "" .Values.tls.openshiftTrustedCABundle) -}}
{{- if gt (without $bundles "" | len) 1 -}}
{{- fail "the CA bundle has more than one source: set one of tls.caBundle.existingConfigMap, tls.caBundle.existingSecret, tls.caBundle.inline and tls.openshiftTrustedCABundle" -}}
{{- end -}}
{{- range $kind := list "serviceMonitor" "podMonitor" "scrapeConfig" -}}
{{- $monitor := index $.Values $kind -}}
{{- if and $monitor.enabled $monitor.interval $monitor.scrapeTimeout -}}
{{- if gt (include "nbu-exporter.milliseconds" $monitor.scrapeTimeout | int64) (include "nbu-exporter.milliseconds" $monitor.interval | int64) -}}
{{- fail (printf "%s.scrapeTimeout (%s) is longer than %s.interval (%s), which Prometheus refuses: make it at most as long" $kind $monitor.scrapeTimeout $kind $monitor.interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A duration as Prometheus writes it (1m30s) in milliseconds. */}}
{{- define "nbu-exporter.milliseconds" -}}
{{- $units := dict "ms" 1 "s" 1000 "m" 60000 "h" 3600000 "d" 86400000 "w" 604800000 "y" 31536000000 -}}
{{- $sum := 0 -}}
{{- range regexFindAll "[0-9]+(ms|[smhdwy])" . -1 -}}
{{- $sum = add $sum (mul (regexFind "^[0-9]+" . | int64) (get $units (regexFind "[a-z]+$" .) | int64)) -}}
{{- end -}}
{{- $sum -}}
{{- end -}}

{{/* (dict "path" PATH "value" VALUE "secret" BOOL): refuses what YAML has made a number or a truth value of; what was written is lost then. */}}
{{- define "nbu-exporter.checkText" -}}
{{- if not (or (kindIs "string" .value) (kindIs "invalid" .value)) -}}
{{- $kind := ternary "the truth value" "the number" (kindIs "bool" .value) -}}
{{- fail (printf "%s is read by YAML as %s%s, not as the text that was written: put it in quotes (with --set: use --set-string)" .path $kind (ternary "" (printf " %v" .value) (.secret | default false))) -}}
{{- end -}}
{{- end -}}

{{/* What Kubernetes would refuse, or would only find out in the kubelet. */}}
{{- define "nbu-exporter.validateObjects" -}}
{{- $values := .Values -}}
{{- range $path, $resources := dict "resources" $values.resources "demo.resources" $values.demo.resources "tests.resources" $values.tests.resources -}}
{{- $requests := ($resources | default dict).requests | default dict -}}
{{- range $key, $limit := ($resources | default dict).limits -}}
{{- if gt (include "nbu-exporter.quantity" (get $requests $key | default 0) | float64) (include "nbu-exporter.quantity" $limit | float64) -}}
{{- fail (printf "%s.requests.%s (%v) is more than %s.limits.%s (%v), which Kubernetes refuses: set both (one of them may be the chart's default)" $path $key (get $requests $key) $path $key $limit) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $rolling := ($values.strategy | default dict).rollingUpdate | default dict -}}
{{- if and (eq (($values.strategy | default dict).type | default "RollingUpdate") "RollingUpdate") (has (toString $rolling.maxSurge) (list "0" "0%")) (has (toString $rolling.maxUnavailable) (list "0" "0%")) -}}
{{- fail "strategy.rollingUpdate.maxSurge and maxUnavailable are both 0, which Kubernetes refuses: no pod could ever be replaced; set maxUnavailable to 1 (the chart's default is 0) or leave maxSurge at 1" -}}
{{- end -}}
{{- range $name := list "startupProbe" "livenessProbe" "readinessProbe" -}}
{{- $probe := index $values $name -}}
{{- if $probe -}}
{{- $handlers := keys (pick $probe "exec" "tcpSocket" "grpc") | sortAlpha -}}
{{- if gt (len $handlers) 1 -}}
{{- fail (printf "%s has the handlers %s: keep one (the chart's httpGet gives way by itself)" $name (join " and " $handlers)) -}}
{{- else if and (not $handlers) (not $probe.httpGet) -}}
{{- fail (printf "%s says nothing to ask: give it httpGet, exec, tcpSocket or grpc, or remove the whole probe with %s: null" $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $pod := $values.podSecurityContext | default dict -}}
{{- $container := $values.securityContext | default dict -}}
{{- range $path, $context := dict "podSecurityContext" $pod "securityContext" $container -}}
{{- range $profile := list "seccompProfile" "appArmorProfile" -}}
{{- with get $context $profile -}}
{{- if and (eq (.type | default "") "Localhost") (not .localhostProfile) -}}
{{- fail (printf "%s.%s has type Localhost, and names no localhostProfile: name the file on the nodes" $path $profile) -}}
{{- else if and (ne (.type | default "") "Localhost") .localhostProfile -}}
{{- fail (printf "%s.%s names a localhostProfile, but its type is %s (the chart's default is RuntimeDefault): set type to Localhost" $path $profile .type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $privileged := or $container.privileged (has "SYS_ADMIN" (($container.capabilities | default dict).add | default list)) -}}
{{- if and $privileged (eq (toString $container.allowPrivilegeEscalation) "false") -}}
{{- fail "securityContext asks for privileged or SYS_ADMIN while allowPrivilegeEscalation is false (the chart's default), which Kubernetes refuses: set it to true as well, or, since the exporter needs neither, leave both" -}}
{{- end -}}
{{- $user := ternary $container.runAsUser $pod.runAsUser (hasKey $container "runAsUser") -}}
{{- $nonRoot := ternary $container.runAsNonRoot $pod.runAsNonRoot (hasKey $container "runAsNonRoot") -}}
{{- if and (eq (toString $user) "0") $nonRoot -}}
{{- fail "runAsUser is 0 while runAsNonRoot is true (the chart's default), with which no kubelet starts the pod: choose another user (the exporter needs no root), or set podSecurityContext.runAsNonRoot to false" -}}
{{- end -}}
{{- if and (eq $values.dnsPolicy "None") (not ($values.dnsConfig | default dict).nameservers) -}}
{{- fail "dnsPolicy None takes its name servers from dnsConfig.nameservers, which is empty: name them there" -}}
{{- end -}}
{{- $service := $values.service -}}
{{- if and (gt (len ($service.ipFamilies | default list)) 1) (not (has $service.ipFamilyPolicy (list "PreferDualStack" "RequireDualStack"))) -}}
{{- fail "service.ipFamilies names two families: set service.ipFamilyPolicy to PreferDualStack or RequireDualStack" -}}
{{- end -}}
{{- end -}}

{{/* A quantity of Kubernetes (10m, 1.5, 32Mi, 1e6) as a number. */}}
{{- define "nbu-exporter.quantity" -}}
{{- $text := toString . -}}
{{- $number := regexFind "^[0-9.]+([eE][+-]?[0-9]+)?" $text -}}
{{- $factors := dict "n" 1e-9 "u" 1e-6 "m" 1e-3 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "P" 1e15 "E" 1e18 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 "Pi" 1125899906842624.0 "Ei" 1152921504606846976.0 -}}
{{- mulf (float64 $number) (get $factors (trimPrefix $number $text) | default 1.0) -}}
{{- end -}}
