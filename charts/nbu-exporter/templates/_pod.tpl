{{/* What the exporter and `helm test` share: image, environment, files. */}}

{{- define "nbu-exporter.environment" -}}
{{- $proxy := .Values.proxy -}}
{{- if .Values.demo.enabled }}
# The simulator's fixed key: nothing to protect.
- name: SIMULATED_API_KEY
  value: simulated-key
{{- end }}
{{- with $proxy.httpProxy }}
- name: HTTP_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with $proxy.httpsProxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with $proxy.noProxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with include "nbu-exporter.templated" (list . .Values.env) }}
{{ . }}
{{- end }}
{{- end -}}

{{- define "nbu-exporter.configFile" -}}
/etc/nbu-exporter/config/{{ include "nbu-exporter.configKey" . }}
{{- end -}}

{{- define "nbu-exporter.volumeMounts" -}}
# Directories, never subPath: a file mounted alone is never updated.
- name: config
  mountPath: /etc/nbu-exporter/config
  readOnly: true
{{- if .Values.credentialsSecret }}
- name: keys
  mountPath: /etc/nbu-exporter/keys
  readOnly: true
{{- end }}
{{- if .Values.credentials }}
- name: credentials
  mountPath: /etc/nbu-exporter/credentials
  readOnly: true
{{- end }}
{{- if include "nbu-exporter.caVolume" . }}
- name: ca
  mountPath: /etc/nbu-exporter/ca
  readOnly: true
{{- end }}
{{- with include "nbu-exporter.templated" (list . .Values.extraVolumeMounts) }}
{{ . }}
{{- end }}
{{- end -}}

{{/* The files are world-readable inside the pod, since without a fixed user or group nobody else could be given them. */}}
{{- define "nbu-exporter.volumes" -}}
- name: config
{{- if .Values.configSecret.existingName }}
  secret:
    secretName: {{ include "nbu-exporter.configName" . | quote }}
    defaultMode: 0444
{{- else }}
  configMap:
    name: {{ include "nbu-exporter.configName" . | quote }}
{{- end }}
{{- with .Values.credentialsSecret }}
- name: keys
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0444
    # The Secret may come later: the exporter starts without it, says which key it lacks, and takes it when it is there.
    optional: true
{{- end }}
{{- with .Values.credentials }}
- name: credentials
  projected:
    defaultMode: 0444
    sources:
      {{- range . }}
      - secret:
          name: {{ .existingSecret | quote }}
          optional: true
          items:
            - key: {{ .key | default "apiKey" | quote }}
              path: {{ printf "%s/apiKey" .site | quote }}
      {{- end }}
{{- end }}
{{- with include "nbu-exporter.caVolume" . }}
- name: ca
  {{- . | nindent 2 }}
{{- end }}
{{- with include "nbu-exporter.templated" (list . .Values.extraVolumes) }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Whether the exporter makes the webhook's certificate itself. */}}
{{- define "nbu-exporter.webhookIsSelfMade" -}}
{{- and .Values.admissionWebhook.enabled (eq .Values.admissionWebhook.certificate.mode "self") -}}
{{- end -}}

{{/* Whether it is mounted from a Secret that somebody else keeps. */}}
{{- define "nbu-exporter.webhookIsMounted" -}}
{{- and .Values.admissionWebhook.enabled (ne .Values.admissionWebhook.certificate.mode "self") -}}
{{- end -}}

{{- define "nbu-exporter.webhookArgs" -}}
{{- if .Values.admissionWebhook.enabled -}}
- {{ printf "--webhook.listen-address=:%d" (int .Values.admissionWebhook.port) | quote }}
{{- if eq (include "nbu-exporter.webhookIsSelfMade" .) "true" }}
- --webhook.secret={{ include "nbu-exporter.webhookSecret" . }}
- --webhook.configuration={{ include "nbu-exporter.clusterName" . }}
- --webhook.host={{ include "nbu-exporter.webhookHosts" . }}
{{- else }}
- --webhook.certificate-dir=/etc/nbu-exporter/webhook
{{- end }}
{{- end -}}
{{- end -}}

{{/* Where the exporter's own commands find it inside of the pod. */}}
{{- define "nbu-exporter.address" -}}
{{- $host := get (dict "" "127.0.0.1" "0.0.0.0" "127.0.0.1" "[::]" "[::1]") .Values.listenHost | default .Values.listenHost -}}
{{- printf "http://%s:%d" $host (int .Values.containerPort) -}}
{{- end -}}

{{/* The one source of the CA bundle, or nothing. */}}
{{- define "nbu-exporter.caVolume" -}}
{{- $bundle := .Values.tls.caBundle -}}
{{- if $bundle.existingSecret -}}
secret:
  secretName: {{ $bundle.existingSecret | quote }}
  defaultMode: 0444
  # It may come later, like a key: a site is down without it, and never verified by other authorities.
  optional: true
  items:
    - key: {{ $bundle.key | quote }}
      path: ca.crt
{{- else if or $bundle.existingConfigMap $bundle.inline .Values.tls.openshiftTrustedCABundle -}}
configMap:
  name: {{ $bundle.existingConfigMap | default (include "nbu-exporter.suffixed" (list . "ca")) | quote }}
  optional: true
  items:
    # OpenShift writes this key.
    - key: {{ ternary "ca-bundle.crt" (ternary "ca.crt" $bundle.key (empty $bundle.existingConfigMap)) .Values.tls.openshiftTrustedCABundle | quote }}
      path: ca.crt
{{- end -}}
{{- end -}}

{{/* Where and how the pod runs. */}}
{{- define "nbu-exporter.placement" -}}
{{- with include "nbu-exporter.imagePullSecrets" . }}
imagePullSecrets:
  {{- . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "priorityClassName" "runtimeClassName" "schedulerName" "nodeSelector" "tolerations" "affinity" "topologySpreadConstraints" "hostAliases" "hostNetwork" "dnsPolicy" "dnsConfig" }}
{{- with include "nbu-exporter.templated" (list $ (index $.Values $key)) }}
{{ $key }}:
  {{- . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
